import { type ClaimFields, type CouponFields, newCoupon } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import type { ObjectId, WithId } from 'mongodb';
import { newClaim } from './documents.ts';

/** The time of the first claim. */
const STARTED_AT = Date.UTC(2026, 10, 27, 9);

const BATCH = 10_000;

/** Inserts a coupon, with as many units as a sale may have. */
export const insertCoupon = async ({ coupons }: Mongo, name: string): Promise<WithId<CouponFields>> => {
  const fields = newCoupon({ name, amount: 2_000_000 }, new Date(STARTED_AT));
  const { insertedId } = await coupons.insertOne({ ...fields });
  return { _id: insertedId, ...fields };
};

export type ClaimChanges = Partial<Pick<ClaimFields<ObjectId>, '_id' | 'user_id' | 'ended_at'>>;

/** Inserts the claims `from` to `to` of a coupon, by sequence; a claim with `ended_at` is released. Updates the coupon likewise. */
export const insertClaims = async (
  { coupons, claims }: Mongo,
  coupon: WithId<CouponFields>,
  [from, to]: [from: number, to: number],
  changesOf: (sequence: number) => ClaimChanges = () => ({}),
): Promise<ClaimFields<ObjectId>[]> => {
  const documents = Array.from({ length: to - from + 1 }, (_, index) => {
    const sequence = from + index;
    return newClaim(coupon, sequence, {
      _id: `${coupon._id.toHexString()}-${sequence}`,
      claimed_at: new Date(STARTED_AT + sequence),
      ...changesOf(sequence),
    });
  });
  for (let start = 0; start < documents.length; start += BATCH)
    await claims.insertMany(documents.slice(start, start + BATCH), { ordered: false });
  const live = documents.filter(({ ordinal }) => ordinal === 1).length;
  await coupons.updateOne({ _id: coupon._id }, { $inc: { remaining_amount: -live, issued: documents.length } });
  return documents;
};
