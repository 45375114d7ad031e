import { type ClaimResult, finalOutcome } from './call-results.ts';
import { countEach } from './count-each.ts';

/** What a sale is judged by: the amount, every answer to a claim, and the coupon after all of them. */
export interface SaleFacts {
  amount: number;
  claims: readonly ClaimResult[];
  /** `users` is missing where the server does not list them. */
  coupon: { remaining: number; claimed: number; users?: readonly string[] | undefined };
  /** The sale opened between these times; undefined where it was open from the begin. */
  opening?: { from: number; by: number } | undefined;
}

/** Faults, each counted in units or users. */
export interface Verdict {
  /** Units beyond the amount, and those that were granted before the sale opened. */
  oversold: number;
  /** Units beyond the first of a user. */
  double: number;
  /** Users who were refused although they hold a unit, or although they could have one. */
  falseRefusals: number;
  /** Users who were granted a unit of which the server knows nothing. */
  lost: number;
}

/** Judges the result of a sale by what any such server answers. The coupon was new, and nothing was released. */
export const judgeSale = ({ amount, claims, coupon, opening }: SaleFacts): Verdict => {
  const listed = countEach(coupon.users ?? []);
  const users = [...Map.groupBy(claims, ({ user }) => user)].map(([name, own]) => {
    const units = unitsOf(own);
    return { name, own, units, held: Math.max(units, listed.get(name) ?? 0) };
  });
  const winners = users.filter(({ units }) => units > 0);
  const granted = winners.reduce((sum, { units }) => sum + units, 0);
  const listedUnits = coupon.users?.length ?? coupon.claimed;
  const sold = Math.max(granted, coupon.claimed, listedUnits, amount - coupon.remaining);
  const early = claims.filter((claim) => isGranted(claim) && opening && claim.answeredAt < opening.from).length;
  // A unit that the server counts as claimed, and lists with no user, could have been granted.
  const hasFree = Math.max(coupon.remaining, amount - Math.max(granted, listedUnits)) > 0;
  const isRefusedFalsely = ({ name, own, units }: (typeof users)[number]) =>
    own.some((claim) => isFalse(claim, { own, units, isListed: listed.has(name), hasFree, opening }));
  return {
    oversold: Math.max(0, sold - amount) + early,
    double: users.reduce((sum, { held }) => sum + Math.max(0, held - 1), 0),
    falseRefusals: users.filter(isRefusedFalsely).length,
    lost: coupon.users
      ? winners.filter(({ name }) => !listed.has(name)).length
      : Math.max(0, winners.length - coupon.claimed),
  };
};

const isGranted = (claim: ClaimResult): boolean => finalOutcome(claim) === 'claimed';

/** The units that a user was granted. Without claim ids, each grant of another request is another unit. */
const unitsOf = (claims: readonly ClaimResult[]): number =>
  new Set(claims.filter(isGranted).map((claim) => claim.claimId ?? claim.key ?? claim)).size;

interface Circumstances {
  /** All claims of the user. */
  own: readonly ClaimResult[];
  units: number;
  isListed: boolean;
  /** Whether a unit was free at any time, because one is in the end. */
  hasFree: boolean;
  opening: SaleFacts['opening'];
}

/** Whether a claim was refused although it must not be. Where an answer is missing, the user may hold a unit by that request. */
const isFalse = (claim: ClaimResult, { own, units, isListed, hasFree, opening }: Circumstances): boolean => {
  const isCertain = own.every((one) => !['unknown', 'pending'].includes(finalOutcome(one)));
  const holdsNone = units === 0 && isCertain;
  const isRepeated = own.some(
    (one) => claim.key !== undefined && one.key === claim.key && isGranted(one) && one.answeredAt < claim.sentAt,
  );
  switch (finalOutcome(claim)) {
    case 'already_claimed':
      return holdsNone || isRepeated;
    case 'out_of_stock':
      return isRepeated || (units === 0 && hasFree) || (holdsNone && isListed);
    case 'sale_not_open':
      return isRepeated || opening === undefined || claim.sentAt > opening.by || (holdsNone && isListed);
    case 'coupon_not_found':
      return true;
    case 'failed':
      return isRepeated || (units === 0 && hasFree);
    default:
      return false;
  }
};

/** The verdict in one line. */
export const describeVerdict = ({ oversold, double, falseRefusals, lost }: Verdict): string =>
  `oversold ${oversold} · double ${double} · false refusals ${falseRefusals} · lost ${lost}`;

export const isRight = (verdict: Verdict): boolean => Object.values(verdict).every((faults) => faults === 0);
