import { type Coupon, type NewCoupon, newCoupon } from '@flashclaim/core';
import { isDuplicateKey, type Mongo } from '@flashclaim/store';
import { ProblemError } from '../http/problem.ts';
import { toCoupon } from './read-coupon.ts';

/**
 * Creates a coupon, durable once it resolves.
 * @throws ProblemError `name_taken` where a coupon of this name exists.
 */
export const createCoupon = async ({ coupons }: Mongo, request: NewCoupon): Promise<Coupon> => {
  // biome-ignore lint/plugin/wall-clock: a stamp: when the coupon was created.
  const fields = newCoupon(request, new Date());
  try {
    const { insertedId } = await coupons.insertOne({ ...fields });
    return toCoupon({ _id: insertedId, ...fields }, []);
  } catch (error) {
    if (isDuplicateKey(error))
      throw new ProblemError('name_taken', 'Choose another name; the coupon of this name was left as it is.');
    throw error;
  }
};
