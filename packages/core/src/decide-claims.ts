import type { Claim, Decision, ExistingClaim } from './claim.ts';

/** The state of the database at one moment, for the coupons and users of a list of claims. */
export interface Snapshot {
  /** Remaining units, by coupon name. A coupon that does not exist is absent. */
  remaining: ReadonlyMap<string, number>;
  /** The existing claims, by id: every claim of the list that exists, and possibly others. */
  existing: ReadonlyMap<string, ExistingClaim>;
  /** The users who have a unit, by coupon name. */
  holders: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Decides each claim of a list, in order: the first rule that applies is the decision.
 *
 * This is the only function that decides claims. It is pure: no I/O, no clock. The worker grants and refuses with it. The API
 * calls it for sold-out coupons and grants nothing.
 */
export const decideClaims = (snapshot: Snapshot, claims: readonly Claim[]): Decision[] => {
  const remaining = new Map(snapshot.remaining);
  const granted = new Map<string, Claim>();
  const holders = new Map<string, Set<string>>();

  return claims.map((claim) => {
    const { id, userId, couponName } = claim;
    const existing = snapshot.existing.get(id) ?? granted.get(id);
    if (existing && !isSameClaim(existing, claim)) return 'idempotency_key_reused';
    const left = remaining.get(couponName);
    if (left === undefined) return 'coupon_not_found';
    // If this list granted it, an earlier claim of the list has the unit.
    if (existing) return granted.has(id) ? 'replayed' : decideExisting(existing, claim);
    if (snapshot.holders.get(couponName)?.has(userId) || holders.get(couponName)?.has(userId)) return 'already_claimed';
    if (left === 0) return 'out_of_stock';

    remaining.set(couponName, left - 1);
    granted.set(id, claim);
    const users = holders.get(couponName);
    if (users) users.add(userId);
    else holders.set(couponName, new Set([userId]));
    return 'claimed';
  });
};

/** Decides a claim whose id exists already. */
export const decideExisting = (
  existing: Claim,
  claim: Claim,
): Extract<Decision, 'idempotency_key_reused' | 'replayed' | 'claimed'> => {
  if (!isSameClaim(existing, claim)) return 'idempotency_key_reused';
  // The same request made the existing claim, and its job runs again: its caller has no answer yet.
  return claim.requestId !== undefined && claim.requestId === existing.requestId ? 'claimed' : 'replayed';
};

/** The claims of a list that take a new unit by these decisions. Existing claims have their unit already. */
export const grantsOf = (snapshot: Snapshot, claims: readonly Claim[], decisions: readonly Decision[]): Claim[] =>
  claims.filter((claim, index) => decisions[index] === 'claimed' && !snapshot.existing.has(claim.id));

/**
 * Whether an existing claim with the same id has the same user and coupon. Only the coupon should ever differ, because the API
 * makes the id of a key together with the user; the user is compared so that no unit depends on that.
 */
export const isSameClaim = (existing: Claim & Partial<ExistingClaim>, claim: Claim): boolean =>
  existing.userId === claim.userId && existing.couponName === claim.couponName && !existing.ofEarlierCoupon;
