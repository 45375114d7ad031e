import { type Claim, COUPONS_CACHED_MAX, type ExistingClaim } from '@flashclaim/core';
import type { ReadSnapshot } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';

const NO_ONE = {
  existing: new Map<string, ExistingClaim>(),
  holders: new Map<string, Set<string>>(),
};

/** How many of these claims there are for each coupon, by its name. */
export const countByCoupon = (claims: readonly Claim[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { couponName } of claims) counts.set(couponName, (counts.get(couponName) ?? 0) + 1);
  return counts;
};

/**
 * What a worker remembers of its lanes' coupons, so that most jobs need no read: a snapshot that is predicted instead of read.
 *
 * Only grants are made by it, and the database checks each of them: the unique indexes that nobody holds a unit yet and that
 * no claim id stands, the guard of the update that the units are there. A refusal always rests on a read. Losing this memory
 * costs a read.
 */
export class CouponCache {
  /** `contested`: the last read met a user or a key that held a unit already. The next will, too, and assuming would be in vain. */
  readonly #coupons = new Map<string, { id: ObjectId; remaining: number; contested: boolean }>();

  /** A snapshot in which nobody holds a unit; undefined where that is not likely, or where units may not suffice. */
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

  /** Learns from a snapshot that a batch was committed by, with the units that were taken, by coupon name. */
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
