import { clip, count, tableOf } from '@flashclaim/terminal';
import type { CountedCoupon, Faults, Recount } from './recount.ts';

/** Longer names are cut: a name may have 255 characters. */
const NAME_COLUMNS = 40;

/** Faulty coupons and orphans that are listed, of each kind. All of them are counted. */
const FAULTS_SHOWN_MAX = 50;

/** The kinds that the summary line always has. */
const MAIN_KINDS = ['oversold', 'double', 'lost', 'orphaned'] as const;
const OTHER_KINDS = ['misnumbered', 'malformed'] as const;

type MainFaults = Pick<Faults, (typeof MAIN_KINDS)[number]>;

/** The summary line. Rarer kinds of faults are in it only where there are some. */
export const describeFaults = (faults: MainFaults & Partial<Faults>): string =>
  [...MAIN_KINDS, ...OTHER_KINDS.filter((kind) => faults[kind])].map((kind) => `${kind} ${faults[kind]}`).join(' · ');

/** A table of the faulty coupons, or of the largest ones if there is no fault; what to do; and the summary line. */
export const describeRecount = (found: Recount): string => {
  if (found.coupons + found.orphaned === 0) return `There are no coupons and no claims.\n\n${describeFaults(found)}`;
  const isCorrect = found.faulty.length + found.orphans.length === 0;
  const shown = isCorrect ? found.largest : found.faulty.slice(0, FAULTS_SHOWN_MAX);
  return [
    ...(shown.length > 0 ? [couponTable(shown)] : []),
    ...describeRest(found, shown.length),
    ...describeNumbers(found),
    ...describeOrphans(found),
    ...(isCorrect ? [] : [advice(found)]),
    describeFaults(found),
  ].join('\n\n');
};

const describeRest = ({ coupons, faulty }: Recount, shown: number): string[] => {
  const more = shown > 0 ? `and ${count(coupons - shown)} more coupons` : `${count(coupons)} coupons`;
  const faults = faulty.length - shown;
  return coupons === shown ? [] : [`${more}, ${faults > 0 ? `${count(faults)} of them faulty` : 'each correct'}`];
};

const describeOrphans = ({ orphans }: Recount): string[] => [
  ...(orphans.length > 0 ? [orphanTable(orphans.slice(0, FAULTS_SHOWN_MAX))] : []),
  ...(orphans.length > FAULTS_SHOWN_MAX ? [`and ${count(orphans.length - FAULTS_SHOWN_MAX)} more such lines`] : []),
];

/** Which sequence numbers are wrong. */
const describeNumbers = ({ faulty }: Recount): string[] => {
  const misnumbered = faulty.filter((coupon) => coupon.misnumbered > 0).slice(0, FAULTS_SHOWN_MAX);
  const lines = misnumbered.map(({ name, wrongNumbers }) => `${clip(name, NAME_COLUMNS)}: ${wrongNumbers.join('; ')}`);
  return lines.length > 0 ? [lines.join('\n')] : [];
};

const FIGURES = ['amount', 'remaining', 'claims', 'oversold', 'double', 'lost', 'misnumbered'] as const;
const RARE_FIGURES = ['malformed'] as const;

const couponTable = (coupons: readonly CountedCoupon[]): string =>
  tableOf(
    [
      { heading: 'coupon', cell: ({ name }) => clip(name, NAME_COLUMNS) },
      ...[...FIGURES, ...RARE_FIGURES.filter((figure) => coupons.some((coupon) => coupon[figure] > 0))].map(
        (figure) => ({ heading: figure, cell: (coupon: CountedCoupon) => count(coupon[figure]) }),
      ),
    ],
    coupons,
  );

const orphanTable = (orphans: Recount['orphans']): string =>
  tableOf(
    [
      { heading: 'coupon_name of orphaned claims', cell: ({ couponName }) => clip(couponName, NAME_COLUMNS) },
      { heading: 'coupon_id', cell: ({ couponId }) => couponId },
      {
        heading: 'actual name',
        cell: ({ realName }) => (realName ? clip(realName, NAME_COLUMNS) : '(no such coupon)'),
      },
      { heading: 'claims', cell: ({ claims }) => count(claims) },
    ],
    orphans,
  );

const ADVICE: Record<keyof Faults, string> = {
  oversold:
    'oversold  more users hold a unit than there are units. Raise amount to the number of live claims and set\n' +
    '          remaining_amount to 0. To take units back, then release the latest claims and lower amount.',
  double:
    'double    a user holds more than one unit: the unique index of live claims was missing. Release the later claims;\n' +
    '          the API and the workers build the index when they start.',
  lost:
    'lost      remaining_amount is not amount - live claims: a person changed the database, or restored a part of it. The claims\n' +
    '          are what users were answered. Once nothing is oversold, set remaining_amount to amount - claims.',
  orphaned:
    'orphaned  the coupon of these claims was deleted or renamed by hand. Restore it with its _id and name, or delete the\n' +
    '          claims.',
  misnumbered:
    'misnumbered  sequence numbers of claims are missing, repeated, or were never given. If no coupon has numbers yet, run\n' +
    '          npm run migrate. Otherwise claims were deleted or changed by hand: restore them from a backup.',
  malformed:
    'malformed  these claims have both ordinal and an end, or neither: a person changed them. A released claim has state and\n' +
    '          ended_at and no ordinal; a live one has ordinal: 1 and neither of these.',
};

const advice = (found: Recount): string => {
  const kinds = (Object.keys(ADVICE) as (keyof Faults)[]).filter((kind) => found[kind] > 0);
  return ['What to do, with the API and the workers stopped:', ...kinds.map((kind) => ADVICE[kind])].join('\n');
};
