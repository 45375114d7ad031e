import type { Mongo } from '@flashclaim/service';
import { expect } from 'vitest';

/** The invariants that one look at the database can show: stock and claims agree, and no user holds two units. */
export const expectExact = async ({ coupons, claims }: Mongo): Promise<void> => {
  const found = await coupons.find().toArray();
  for (const coupon of found) {
    const users = await claims.distinct('user_id', { coupon_id: coupon._id });
    const count = await claims.countDocuments({ coupon_id: coupon._id });
    expect({ coupon: coupon.name, remaining: coupon.remaining_amount, users: users.length }).toEqual({
      coupon: coupon.name,
      remaining: coupon.amount - count,
      users: count,
    });
  }
};
