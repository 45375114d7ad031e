import { clip, count, tableOf } from '@flashclaim/terminal';
import type { CountedCoupon, Faults, Recount } from './recount.ts';

/** Longer names are cut: a name may have 255 characters. */
const NAME_COLUMNS = 40;

/** Faulty coupons and orphans that are listed, of each kind. All of them are counted. */
const FAULTS_SHOWN_MAX = 50;

/** The summary line. */
export const describeFaults = ({ oversold, double, lost, orphaned }: Faults): string =>
  `oversold ${oversold} · double ${double} · lost ${lost} · orphaned ${orphaned}`;

/** A table of the faulty coupons, or of the largest ones if there is no fault; what to do; and the summary line. */
export const describeRecount = (found: Recount): string => {
  if (found.coupons + found.orphaned === 0) return `There are no coupons and no claims.\n\n${describeFaults(found)}`;
  const isCorrect = found.faulty.length + found.orphans.length === 0;
  const shown = isCorrect ? found.largest : found.faulty.slice(0, FAULTS_SHOWN_MAX);
  return [
    ...(shown.length > 0 ? [couponTable(shown)] : []),
    ...describeRest(found, shown.length),
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

const FIGURES = ['amount', 'remaining', 'claims', 'oversold', 'double', 'lost'] as const;

const couponTable = (coupons: readonly CountedCoupon[]): string =>
  tableOf(
    [
      { heading: 'coupon', cell: ({ name }) => clip(name, NAME_COLUMNS) },
      ...FIGURES.map((figure) => ({ heading: figure, cell: (coupon: CountedCoupon) => count(coupon[figure]) })),
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
    'oversold  more users hold a unit than there are units. Raise amount to the number of claims and set remaining_amount to\n' +
    '          0, or delete the latest claims (by claimed_at) and inform their users.',
  double:
    'double    a user holds more than one unit: the unique index (user_id, coupon_id) was missing. Delete the later claims and\n' +
    '          add their units to remaining_amount; the API and the workers build the index when they start.',
  lost:
    'lost      remaining_amount is not amount - claims: a person changed the database, or restored a part of it. The claims\n' +
    '          are what users were answered. Once nothing is oversold, set remaining_amount to amount - claims.',
  orphaned:
    'orphaned  the coupon of these claims was deleted or renamed by hand. Restore it with its _id and name, or delete the\n' +
    '          claims.',
};

const advice = (found: Recount): string => {
  const kinds = (Object.keys(ADVICE) as (keyof Faults)[]).filter((kind) => found[kind] > 0);
  return ['What to do, with the API and the workers stopped:', ...kinds.map((kind) => ADVICE[kind])].join('\n');
};
