import type { Coupon, CouponFields } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/service';
import type { WithId } from 'mongodb';

/** Said with every read: the connection's own read concern would silently win over the snapshot of the session. */
const AT_SNAPSHOT = { readConcern: 'snapshot' } as const;

/**
 * Reads a coupon and its first `limit` users in one snapshot, also in mid-sale.
 * Resolves to null where there is no such coupon. `name` is normalised.
 */
export const readCoupon = async (
  { client, coupons, claims }: Mongo,
  name: string,
  limit: number,
): Promise<Coupon | null> =>
  client.withSession({ snapshot: true }, async (session) => {
    const coupon = await coupons.findOne({ name }, { session, ...AT_SNAPSHOT });
    if (!coupon) return null;
    // MongoDB reads a limit of 0 as none.
    if (limit === 0) return toCoupon(coupon, []);
    // Equal keys of an index stand in the order of insertion, which the lane made the order of the claims.
    const found = await claims
      .find(
        { coupon_id: coupon._id },
        { session, ...AT_SNAPSHOT, hint: { coupon_id: 1 }, projection: { _id: 0, user_id: 1 }, limit },
      )
      .toArray();
    return toCoupon(
      coupon,
      found.map((claim) => claim.user_id),
    );
  });

/** The number of claims is not counted but known: each took a unit in the transaction that made it. `audit` recounts. */
export const toCoupon = (coupon: WithId<CouponFields>, claimedBy: string[]): Coupon => ({
  id: coupon._id.toHexString(),
  name: coupon.name,
  amount: coupon.amount,
  remaining_amount: coupon.remaining_amount,
  claimed_by: claimedBy,
  claimed_count: coupon.amount - coupon.remaining_amount,
  created_at: coupon.created_at.toISOString(),
  updated_at: coupon.updated_at.toISOString(),
});
