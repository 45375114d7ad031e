import { randomUUID } from 'node:crypto';
import type { ClaimFields, CouponFields } from '@flashclaim/core';
import type { ObjectId, WithId } from 'mongodb';

/** A claim of a coupon, as a worker stores it: with `ended_at`, one that was released. */
export const newClaim = (
  coupon: Pick<WithId<CouponFields>, '_id' | 'name'>,
  sequence: number,
  fields: Partial<ClaimFields<ObjectId>> = {},
): ClaimFields<ObjectId> => ({
  _id: randomUUID(),
  user_id: `user-${sequence}`,
  coupon_id: coupon._id,
  coupon_name: coupon.name,
  // biome-ignore lint/plugin/wall-clock: a stamp: when it was claimed.
  claimed_at: new Date(),
  sequence,
  ...(fields.ended_at ? { state: 'released' } : { ordinal: 1 }),
  ...fields,
});
