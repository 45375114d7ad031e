import { type Coupon, type NewCoupon, newCoupon } from '@flashclaim/core';
import { isDuplicateKey, type Mongo } from '@flashclaim/store';
import { toCoupon } from './read-coupon.ts';

/**
 * Creates a coupon, durable once this resolves.
 * Resolves to null where a coupon of this name exists.
 */
export const createCoupon = async ({ coupons }: Mongo, request: NewCoupon): Promise<Coupon | null> => {
  // biome-ignore lint/plugin/wall-clock: a stamp: when the coupon was created.
  const fields = newCoupon(request, new Date());
  try {
    const { insertedId } = await coupons.insertOne({ ...fields });
    return toCoupon({ _id: insertedId, ...fields }, []);
  } catch (error) {
    if (isDuplicateKey(error)) return null;
    throw error;
  }
};
