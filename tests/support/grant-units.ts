import type { ClaimFields } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import { newClaim } from './documents.ts';

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
  const { issued, updated_at: claimed_at } = coupon;
  const claims = userIds.map((user_id, index) => newClaim(coupon, issued - count + 1 + index, { user_id, claimed_at }));
  await mongo.claims.insertMany(claims);
};

/** Releases a live claim, as a worker would have. */
export const releaseUnit = async (
  { claims, coupons }: Mongo,
  claim: Partial<Pick<ClaimFields<ObjectId>, '_id' | 'coupon_name' | 'user_id'>>,
  ended_at: Date,
): Promise<void> => {
  const released = await claims.findOneAndUpdate(
    { ...claim, ordinal: 1 },
    { $set: { state: 'released', ended_at }, $unset: { ordinal: true } },
  );
  if (!released) throw new Error('there is no such live claim');
  await coupons.updateOne({ _id: released.coupon_id }, { $inc: { remaining_amount: 1 } });
};
