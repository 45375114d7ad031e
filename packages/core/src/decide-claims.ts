import type { Claim, Decision, ExistingClaim } from './claim.ts';

/** What the database said, at one moment, about everything that a list of claims touches. */
export interface Snapshot {
  /** Units that remain, by coupon name. A coupon that does not exist is absent. */
  remaining: ReadonlyMap<string, number>;
  /** The claims that hold a unit already, by id; all of those that the list holds, and maybe others. */
  existing: ReadonlyMap<string, ExistingClaim>;
  /** The users who hold a unit, by coupon name. */
  holders: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Decides each claim of a list, in its order: the first rule that applies is the decision.
 * Pure: no I/O, no clock; nobody decides anywhere else. The worker grants by it; the API may only refuse by it.
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
    // Granted in this list, it was granted to the one before.
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

/** Decides a claim whose id stands, by what stands. */
export const decideExisting = (
  existing: Claim,
  claim: Claim,
): Extract<Decision, 'idempotency_key_reused' | 'replayed' | 'claimed'> => {
  if (!isSameClaim(existing, claim)) return 'idempotency_key_reused';
  // This very request made it, and its job ran again: to its caller it is the first answer.
  return claim.requestId !== undefined && claim.requestId === existing.requestId ? 'claimed' : 'replayed';
};

/** The claims of a list that take a unit by these decisions; those that stand have theirs. */
export const grantsOf = (snapshot: Snapshot, claims: readonly Claim[], decisions: readonly Decision[]): Claim[] =>
  claims.filter((claim, index) => decisions[index] === 'claimed' && !snapshot.existing.has(claim.id));

/** Whether an existing claim is the one that is claimed here, and not another one under the same id. */
export const isSameClaim = (existing: Claim & Partial<ExistingClaim>, claim: Claim): boolean =>
  existing.userId === claim.userId && existing.couponName === claim.couponName && !existing.ofEarlierCoupon;
