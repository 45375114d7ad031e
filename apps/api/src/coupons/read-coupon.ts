import type { Coupon, CouponFields } from '@flashclaim/core';
import { COLLECTIONS, type Mongo } from '@flashclaim/store';
import type { WithId } from 'mongodb';

/**
 * Reads a coupon and its first `usersMax` users in one snapshot; without `claimed_by` where that is undefined. `name` is
 * normalised. Resolves to null where there is no such coupon.
 */
export const readCoupon = async (
  { coupons }: Mongo,
  name: string,
  usersMax: number | undefined,
): Promise<Coupon | null> => {
  const [found] = await coupons
    .aggregate<WithId<CouponFields> & { claimed_by?: string[] }>(
      [{ $match: { name } }, ...(usersMax ? withUsers(usersMax) : [])],
      { readConcern: 'snapshot' },
    )
    .toArray();
  return found ? toCoupon(found, usersMax === undefined ? undefined : (found.claimed_by ?? [])) : null;
};

/**
 * The users in one array: one document for each would cost this process five times the work.
 * MongoDB returns equal keys of the index on coupon_id in the order of insertion. In a lane that is the order of the claims.
 */
const withUsers = (limit: number) => [
  {
    $lookup: {
      from: COLLECTIONS.claims,
      localField: '_id',
      foreignField: 'coupon_id',
      pipeline: [{ $limit: limit }, { $project: { _id: 0, user_id: 1 } }],
      as: 'claimed_by',
    },
  },
  { $set: { claimed_by: '$claimed_by.user_id' } },
];

/** `claimed_count` needs no count: the transaction that inserts a claim also takes its unit. `audit` recounts. */
export const toCoupon = (coupon: WithId<CouponFields>, claimedBy: string[] | undefined): Coupon => ({
  id: coupon._id.toHexString(),
  name: coupon.name,
  amount: coupon.amount,
  remaining_amount: coupon.remaining_amount,
  ...(claimedBy && { claimed_by: claimedBy }),
  claimed_count: coupon.amount - coupon.remaining_amount,
  created_at: coupon.created_at.toISOString(),
  updated_at: coupon.updated_at.toISOString(),
});
