import type { Claim, Decision } from './claim.ts';

/** What the database said, at one moment, about everything that a list of claims touches. */
export interface Snapshot {
  /** Units that remain, by coupon name. A coupon that does not exist is absent. */
  remaining: ReadonlyMap<string, number>;
  /** The claim ids among those of the list that hold a unit already. */
  standing: ReadonlySet<string>;
  /** The users who hold a unit, by coupon name. */
  holders: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Decides each claim of a list, in its order: the first rule that applies is the decision.
 * Pure: no I/O, no clock; nobody decides anywhere else. The worker grants by it; the API may only refuse by it.
 */
export const decideClaims = (snapshot: Snapshot, claims: readonly Claim[]): Decision[] => {
  const remaining = new Map(snapshot.remaining);
  const granted = new Set<string>();
  const holders = new Map<string, Set<string>>();

  return claims.map(({ id, userId, couponName }) => {
    const left = remaining.get(couponName);
    if (left === undefined) return 'coupon_not_found';
    if (snapshot.standing.has(id) || granted.has(id)) return 'replayed';
    if (snapshot.holders.get(couponName)?.has(userId) || holders.get(couponName)?.has(userId)) return 'already_claimed';
    if (left === 0) return 'out_of_stock';

    remaining.set(couponName, left - 1);
    granted.add(id);
    const users = holders.get(couponName);
    if (users) users.add(userId);
    else holders.set(couponName, new Set([userId]));
    return 'claimed';
  });
};
