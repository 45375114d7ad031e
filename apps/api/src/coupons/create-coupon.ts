import { type Coupon, type CouponFields, type NewCoupon, newCouponFields } from '@flashclaim/core';
import { isDuplicateKey, type Mongo } from '@flashclaim/store';
import { ObjectId, type WithId } from 'mongodb';
import { toCoupon } from './read-coupon.ts';

/**
 * Creates a coupon, durable once this resolves.
 * Resolves to null where a coupon of this name exists.
 */
export const createCoupon = async (mongo: Mongo, request: NewCoupon): Promise<Coupon | null> => {
  try {
    const created = await insertCoupon(mongo, request);
    return toCoupon({ ...created, now: created.updated_at }, []);
  } catch (error) {
    if (isDuplicateKey(error)) return null;
    throw error;
  }
};

/** An update that inserts, because an insert can't set database time. */
const insertCoupon = async ({ coupons }: Mongo, request: NewCoupon): Promise<WithId<CouponFields>> => {
  const _id = new ObjectId();
  // Only a literal is not read as an expression: a name may begin with a dollar sign.
  const fields = { $literal: { _id, ...newCouponFields(request) } };
  const times = { created_at: '$$NOW', updated_at: '$$NOW' };
  const created = await coupons.findOneAndUpdate({ _id }, [{ $replaceWith: { $mergeObjects: [fields, times] } }], {
    upsert: true,
    returnDocument: 'after',
  });
  if (!created) throw new Error('MongoDB did not return the coupon that it inserted');
  return created;
};
