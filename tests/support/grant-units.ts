import { randomUUID } from 'node:crypto';
import type { Mongo } from '@flashclaim/store';

/**
 * Inserts claims of a coupon as a worker would have, without one: a unit for each user, by the next sequence numbers. It does
 * not protect them from other writers.
 */
export const grantUnits = async (mongo: Mongo, couponName: string, userIds: readonly string[]): Promise<void> => {
  const count = userIds.length;
  const coupon = await mongo.coupons.findOneAndUpdate(
    { name: couponName },
    { $inc: { remaining_amount: -count, issued: count }, $currentDate: { updated_at: true } },
    { returnDocument: 'after' },
  );
  if (!coupon) throw new Error(`there is no coupon ${couponName}`);
  const claims = userIds.map((user_id, index) => ({
    _id: randomUUID(),
    user_id,
    coupon_id: coupon._id,
    coupon_name: couponName,
    claimed_at: coupon.updated_at,
    sequence: coupon.issued - count + 1 + index,
    ordinal: 1 as const,
  }));
  await mongo.claims.insertMany(claims);
};

/** Releases the claim of a user, as a worker would have. */
export const releaseClaim = async (mongo: Mongo, couponName: string, user_id: string): Promise<void> => {
  const released = { $set: { state: 'released' as const, ended_at: new Date(0) }, $unset: { ordinal: '' as const } };
  const { modifiedCount } = await mongo.claims.updateOne({ coupon_name: couponName, user_id, ordinal: 1 }, released);
  await mongo.coupons.updateOne({ name: couponName }, { $inc: { remaining_amount: modifiedCount } });
};
