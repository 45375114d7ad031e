import type { Claim, ClaimDecision, ClosedReason, Decision, ExistingClaim, ReleaseDecision } from './claim.ts';

/** The state of the database at one moment, for the coupons and users of a list of claims. */
export interface Snapshot {
  /** Remaining units, by coupon name. A coupon that does not exist is absent. */
  remaining: ReadonlyMap<string, number>;
  /** Why a coupon accepts no claims, by coupon name. A coupon that does is absent. */
  closed: ReadonlyMap<string, ClosedReason>;
  /** The existing claims, by id: every claim of the list that exists, and possibly others. */
  existing: ReadonlyMap<string, ExistingClaim>;
  /** The users who have a unit, by coupon name. */
  holders: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Decides each claim of a list, in order: the first rule that applies is the decision. A release in the list returns its unit to
 * the claims after it.
 *
 * This is the only function that decides claims. It is pure: no I/O, no clock. The worker grants and refuses with it. The API
 * calls it for closed coupons and grants nothing.
 */
export const decideClaims = (snapshot: Snapshot, claims: readonly Claim[]): Decision[] => {
  const list = new RunningList(snapshot);
  return claims.map((claim) => (claim.operation === 'release' ? list.release(claim) : list.claim(claim)));
};

/** The snapshot with the changes of the decisions so far. */
class RunningList {
  readonly #snapshot: Snapshot;
  readonly #remaining: Map<string, number>;
  readonly #granted = new Map<string, Claim>();
  readonly #released = new Set<string>();
  /** Users to whom this list has granted a unit, by coupon name. */
  readonly #added = new Map<string, Set<string>>();
  /** Users whose unit this list has released, by coupon name. */
  readonly #removed = new Map<string, Set<string>>();

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#remaining = new Map(snapshot.remaining);
  }

  claim(claim: Claim): ClaimDecision {
    const { id, userId, couponName } = claim;
    const existing = this.#snapshot.existing.get(id) ?? this.#granted.get(id);
    if (existing && !isSameClaim(existing, claim)) return 'idempotency_key_reused';
    const left = this.#remaining.get(couponName);
    if (left === undefined) return 'coupon_not_found';
    if (existing && this.#released.has(id)) return 'claim_released';
    // If this list granted it, an earlier claim of the list has the unit.
    if (existing) return this.#granted.has(id) ? 'replayed' : decideExisting(existing, claim);
    if (this.#holds(userId, couponName)) return 'already_claimed';
    const closed = this.#snapshot.closed.get(couponName);
    if (closed) return closed;
    if (left === 0) return 'out_of_stock';

    this.#remaining.set(couponName, left - 1);
    this.#granted.set(id, claim);
    setOf(this.#added, couponName).add(userId);
    return 'claimed';
  }

  release({ id, couponName }: Claim): ReleaseDecision {
    const existing = this.#snapshot.existing.get(id);
    const left = this.#remaining.get(couponName);
    if (!existing || existing.ofEarlierCoupon || left === undefined) return 'claim_not_found';
    if (existing.endedAt !== undefined || this.#released.has(id)) return 'released';
    this.#remaining.set(couponName, left + 1);
    this.#released.add(id);
    setOf(this.#removed, couponName).add(existing.userId);
    return 'released';
  }

  #holds(userId: string, couponName: string): boolean {
    if (this.#added.get(couponName)?.has(userId)) return true;
    const held = this.#snapshot.holders.get(couponName)?.has(userId) ?? false;
    return held && !this.#removed.get(couponName)?.has(userId);
  }
}

const setOf = (sets: Map<string, Set<string>>, key: string): Set<string> => {
  const found = sets.get(key);
  if (found) return found;
  const created = new Set<string>();
  sets.set(key, created);
  return created;
};

/** Decides a claim whose id exists already. */
export const decideExisting = (
  existing: Claim & Partial<ExistingClaim>,
  claim: Claim,
): Extract<Decision, 'idempotency_key_reused' | 'replayed' | 'claimed' | 'claim_released'> => {
  if (!isSameClaim(existing, claim)) return 'idempotency_key_reused';
  if (existing.endedAt !== undefined) return 'claim_released';
  // The same request made the existing claim, and its job runs again: its caller has no answer yet.
  return claim.requestId !== undefined && claim.requestId === existing.requestId ? 'claimed' : 'replayed';
};

/** What the decisions change in one coupon. */
export interface CouponChanges {
  /** The claims that take a new unit, in order. Existing claims have their unit already. */
  granted: Claim[];
  /** The claims that return their unit, in order, each with the number of grants before it. */
  released: { claim: Claim; afterGrants: number }[];
  /** The units that must remain before the list: at its worst point, so many more were granted than released. */
  needed: number;
}

/** What the decisions about a list change, by coupon name. A coupon that stays as it is is absent. */
export const changesOf = (
  snapshot: Snapshot,
  claims: readonly Claim[],
  decisions: readonly Decision[],
): Map<string, CouponChanges> => {
  const changes = new Map<string, CouponChanges>();
  const released = new Set<string>();
  claims.forEach((claim, index) => {
    const decision = decisions[index];
    const existing = snapshot.existing.get(claim.id);
    const isGrant = decision === 'claimed' && !existing;
    const isRelease = decision === 'released' && existing?.endedAt === undefined && !released.has(claim.id);
    if (!isGrant && !isRelease) return;
    let change = changes.get(claim.couponName);
    if (!change) {
      change = { granted: [], released: [], needed: 0 };
      changes.set(claim.couponName, change);
    }
    if (isGrant) {
      change.granted.push(claim);
      change.needed = Math.max(change.needed, change.granted.length - change.released.length);
    } else {
      released.add(claim.id);
      change.released.push({ claim, afterGrants: change.granted.length });
    }
  });
  return changes;
};

/**
 * Whether an existing claim with the same id has the same user and coupon. Only the coupon should ever differ, because the API
 * makes the id of a key together with the user; the user is compared so that no unit depends on that.
 */
export const isSameClaim = (existing: Claim & Partial<ExistingClaim>, claim: Claim): boolean =>
  existing.userId === claim.userId && existing.couponName === claim.couponName && !existing.ofEarlierCoupon;
