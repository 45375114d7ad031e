import type { ClaimStatus, ListedStatus } from '@flashclaim/core';
import { type Mongo, retryTransaction } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import { claimsCursor, decodeCursor, invalidCursor } from '../../http/cursor.ts';
import type { Page } from '../../http/page.ts';
import { readClaims } from './read-claims.ts';
import { toClaimStatus } from './to-claim-status.ts';

export interface CouponClaimsQuery {
  status: ListedStatus | undefined;
  limit: number;
  /** A cursor. */
  after: string | undefined;
}

/** The id of a coupon; undefined where there is none of this name. Reads in a transaction, as `readClaims` does. */
export const findCouponId = async ({ client, coupons }: Mongo, name: string): Promise<ObjectId | undefined> =>
  (await retryTransaction(client, (session) => coupons.findOne({ name }, { session, projection: { _id: 1 } })))?._id;

/**
 * Lists the claims of a coupon, live and released, by sequence.
 * @throws ProblemError `invalid_request` where the cursor is not of this list; `coupon_not_found` as `readClaims` does.
 */
export const listClaimsOfCoupon = async (
  mongo: Mongo,
  couponId: ObjectId,
  { status, limit, after }: CouponClaimsQuery,
): Promise<Page<ClaimStatus>> => {
  const id = couponId.toHexString();
  const start = after === undefined ? 0 : sequenceOf(id, after);
  const { batches, next } = await readClaims(mongo, { couponId, after: start, limit, status }, (batch) =>
    batch.map(toClaimStatus),
  );
  return { data: batches.flat(), next: next === undefined ? null : claimsCursor(id, next) };
};

const sequenceOf = (couponId: string, after: string): number => {
  const [sequence, ...others] = decodeCursor('claims', couponId, after);
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 0 || others.length > 0)
    throw invalidCursor();
  return sequence;
};
