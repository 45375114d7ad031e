import { type Coupon, type CouponFields, QUERY_TIMEOUT_MS, stateOf } from '@flashclaim/core';
import { COLLECTIONS, type Mongo } from '@flashclaim/store';
import type { ClientSession, WithId } from 'mongodb';
import { EXAMINED_MAX } from '../claims/lists/read-claims.ts';
import { claimsCursor } from '../http/cursor.ts';

/** A coupon in an answer. */
export interface CouponRead {
  coupon: Coupon;
  /** The cursor in the list of its claims after those whose users it has. Only where there are more. */
  next: string | undefined;
}

/** What an answer needs of a coupon, and the database time at which it was read. */
export type ReadFields = WithId<Omit<CouponFields, 'held_amount' | 'issued' | 'event_count'>> & { now: Date };

/** The projection for `ReadFields`. */
export const READ_PROJECTION = {
  name: 1,
  amount: 1,
  remaining_amount: 1,
  version: 1,
  starts_at: 1,
  ends_at: 1,
  paused: 1,
  created_at: 1,
  updated_at: 1,
  now: '$$NOW',
} as const;

/**
 * Reads a coupon and its first `usersMax` users in one snapshot; without `claimed_by` where that is undefined. `name` is
 * normalised. Where most of its claims were released, there may be fewer users, although `next` leads to more.
 * Resolves to null where there is no such coupon.
 */
export const readCoupon = async (
  { mongo: { coupons }, session }: { mongo: Mongo; session?: ClientSession | undefined },
  name: string,
  usersMax: number | undefined,
): Promise<CouponRead | null> => {
  const [found] = await coupons
    .aggregate<ReadFields & { claimed_by?: string[]; last?: number }>(
      [{ $match: { name } }, { $set: { now: '$$NOW' } }, ...(usersMax ? withUsers(usersMax) : [])],
      // A transaction is one snapshot already.
      { maxTimeMS: QUERY_TIMEOUT_MS, ...(session ? { session } : { readConcern: 'snapshot' }) },
    )
    .toArray();
  if (!found) return null;
  if (usersMax === undefined) return { coupon: toCoupon(found, undefined), next: undefined };
  const { claimed_by: users = [], last = 0 } = found;
  const coupon = toCoupon(found, users);
  const examined = users.length < usersMax ? EXAMINED_MAX : last;
  return { coupon, next: coupon.claimed_count > users.length ? claimsCursor(coupon.id, examined) : undefined };
};

/**
 * The users of live claims in one array: one document for each would cost this process five times the work.
 * The index on (coupon_id, sequence) has them in this order. It does not know which were released, so a bounded number is examined.
 */
const withUsers = (limit: number) => [
  {
    $lookup: {
      from: COLLECTIONS.claims,
      localField: '_id',
      foreignField: 'coupon_id',
      pipeline: [
        { $match: { ordinal: 1, sequence: { $lte: EXAMINED_MAX } } },
        { $sort: { sequence: 1 } },
        { $limit: limit },
        { $project: { _id: 0, user_id: 1, sequence: 1 } },
      ],
      as: 'claims',
    },
  },
  { $set: { claimed_by: '$claims.user_id', last: { $last: '$claims.sequence' } } },
  { $unset: 'claims' },
];

/** `claimed_count` needs no count: the transaction that inserts a claim also takes its unit. `audit` recounts. */
export const toCoupon = (coupon: ReadFields, claimedBy: string[] | undefined): Coupon => ({
  id: coupon._id.toHexString(),
  name: coupon.name,
  amount: coupon.amount,
  remaining_amount: coupon.remaining_amount,
  ...(claimedBy && { claimed_by: claimedBy }),
  claimed_count: coupon.amount - coupon.remaining_amount,
  version: coupon.version,
  state: stateOf(coupon, coupon.now),
  ...(coupon.starts_at && { starts_at: coupon.starts_at.toISOString() }),
  ...(coupon.ends_at && { ends_at: coupon.ends_at.toISOString() }),
  ...(coupon.paused && { paused: true }),
  created_at: coupon.created_at.toISOString(),
  updated_at: coupon.updated_at.toISOString(),
});
