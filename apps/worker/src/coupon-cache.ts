import { type Claim, COUPONS_CACHED_MAX } from '@flashclaim/core';
import type { KnownCoupons, ReadSnapshot } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import type { TakenCoupon } from './take-units.ts';

/** Coupons as they probably are, with a unit for every claim of a batch. */
export interface Prediction extends KnownCoupons {
  /** Whether the claims must be read: one is to be released, or its user or key probably has a unit already. */
  contested: boolean;
}

/** The number of claims for each coupon, by name. */
const countByCoupon = (claims: readonly Claim[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const { couponName } of claims) counts.set(couponName, (counts.get(couponName) ?? 0) + 1);
  return counts;
};

/**
 * The coupons that a worker knows from earlier transactions. It predicts coupons from them, so that most jobs need no read, and
 * a job with duplicate claims needs one.
 *
 * The database checks every prediction. Grants: the unique indexes reject a second unit for a user and an existing claim id, and
 * `takeUnits` rejects units that do not remain, and a coupon that is closed or was deleted. Refusals: a prediction has units for
 * all, so a claim is refused only because of an existing claim, which was read; `takeUnits` checks that its coupon exists.
 * A lost cache costs one read.
 */
export class CouponCache {
  /** `contested`: the last read found a user or a key that had a unit already. */
  readonly #coupons = new Map<string, { id: ObjectId; remaining: number; contested: boolean }>();

  /** The names of the coupons of a batch that are not known. */
  unknownOf(batch: readonly Claim[]): ReadonlySet<string> {
    return new Set(batch.map(({ couponName }) => couponName).filter((name) => !this.#coupons.has(name)));
  }

  /** Adds coupons that were read without their claims. Closed coupons are not kept. */
  add({ couponIds, remaining, closed }: KnownCoupons): void {
    for (const [name, id] of couponIds)
      if (!closed.has(name)) this.#coupons.set(name, { id, remaining: remaining.get(name) ?? 0, contested: false });
  }

  /** Undefined where a coupon is not known, or where its units may not suffice. */
  predict(batch: readonly Claim[]): Prediction | undefined {
    const couponIds = new Map<string, ObjectId>();
    const remaining = new Map<string, number>();
    let contested = batch.some(({ operation }) => operation !== undefined);
    for (const [name, count] of countByCoupon(batch)) {
      const coupon = this.#coupons.get(name);
      if (!coupon || coupon.remaining < count) return undefined;
      couponIds.set(name, coupon.id);
      remaining.set(name, coupon.remaining);
      contested ||= coupon.contested;
    }
    return { couponIds, remaining, closed: new Map(), contested };
  }

  /** Updates the cache from the snapshot of a committed batch and the coupons that it changed. Closed coupons are not kept. */
  update(batch: readonly Claim[], snapshot: ReadSnapshot, taken: ReadonlyMap<string, TakenCoupon>): void {
    const reused = new Set(batch.filter(({ id }) => snapshot.existing.has(id)).map(({ couponName }) => couponName));
    for (const [name, id] of snapshot.couponIds) {
      const remaining = taken.get(name)?.remaining_amount ?? snapshot.remaining.get(name) ?? 0;
      if (snapshot.closed.has(name)) this.#coupons.delete(name);
      else this.#coupons.set(name, { id, remaining, contested: snapshot.holders.has(name) || reused.has(name) });
    }
    for (const name of this.#coupons.keys()) {
      if (this.#coupons.size <= COUPONS_CACHED_MAX) break;
      this.#coupons.delete(name);
    }
  }
}
