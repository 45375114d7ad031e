import { type Claim, COUPONS_CACHED_MAX, type ExistingClaim } from '@flashclaim/core';
import type { ReadSnapshot } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';

const NO_ONE = {
  existing: new Map<string, ExistingClaim>(),
  holders: new Map<string, Set<string>>(),
};

/** The number of claims for each coupon, by name. */
export const countByCoupon = (claims: readonly Claim[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { couponName } of claims) counts.set(couponName, (counts.get(couponName) ?? 0) + 1);
  return counts;
};

/**
 * The coupons that a worker knows from earlier transactions. It predicts a snapshot from them, so that most jobs need no read.
 *
 * A predicted snapshot can only grant, and the database checks every grant: the unique indexes reject a second unit for a user
 * and an existing claim id, and the filter of the update rejects units that do not remain. A refusal always needs a read. A
 * lost cache costs one read.
 */
export class CouponCache {
  /** `contested`: the last read found a user or a key that had a unit already. A prediction would probably fail. */
  readonly #coupons = new Map<string, { id: ObjectId; remaining: number; contested: boolean }>();

  /** A snapshot in which no user has a unit; undefined where that is not likely, or where the units may not suffice. */
  predict(batch: readonly Claim[]): ReadSnapshot | undefined {
    const couponIds = new Map<string, ObjectId>();
    const remaining = new Map<string, number>();
    for (const [name, count] of countByCoupon(batch)) {
      const coupon = this.#coupons.get(name);
      if (!coupon || coupon.contested || coupon.remaining < count) return undefined;
      couponIds.set(name, coupon.id);
      remaining.set(name, coupon.remaining);
    }
    return { couponIds, remaining, ...NO_ONE };
  }

  /** Updates the cache from the snapshot of a committed batch and the units that were taken, by coupon name. */
  update(batch: readonly Claim[], snapshot: ReadSnapshot, taken: ReadonlyMap<string, number>): void {
    const reused = new Set(batch.filter(({ id }) => snapshot.existing.has(id)).map(({ couponName }) => couponName));
    for (const [name, id] of snapshot.couponIds) {
      const remaining = (snapshot.remaining.get(name) ?? 0) - (taken.get(name) ?? 0);
      this.#coupons.set(name, { id, remaining, contested: snapshot.holders.has(name) || reused.has(name) });
    }
    for (const name of this.#coupons.keys()) {
      if (this.#coupons.size <= COUPONS_CACHED_MAX) break;
      this.#coupons.delete(name);
    }
  }
}
