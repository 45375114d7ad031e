import type { Claim, Snapshot } from '@flashclaim/core';
import type { FindOptions, ObjectId } from 'mongodb';
import type { Mongo } from './mongo.ts';

/** A snapshot, and what is needed to write by it. */
export interface ReadSnapshot extends Snapshot {
  couponIds: ReadonlyMap<string, ObjectId>;
  /** When each standing claim was made, in ms since the epoch, by claim id. */
  claimedAt: ReadonlyMap<string, number>;
}

/**
 * Reads all that deciding these claims takes: two commands, whatever their number.
 * @param reading the transaction's session, or a read concern. Without a transaction it is no snapshot in the strict sense,
 *   but the coupons are read first: who took the last unit before that is seen to hold it.
 */
export const readSnapshot = async (
  { coupons, claims }: Mongo,
  reading: Pick<FindOptions, 'session'> | Pick<FindOptions, 'readConcern'>,
  batch: readonly Claim[],
): Promise<ReadSnapshot> => {
  const names = [...new Set(batch.map((claim) => claim.couponName))];
  const found = await coupons
    .find(
      { name: { $in: names } },
      { ...reading, projection: { name: 1, remaining_amount: 1 }, batchSize: names.length + 1 },
    )
    .toArray();
  const couponIds = new Map(found.map((coupon) => [coupon.name, coupon._id]));
  const remaining = new Map(found.map((coupon) => [coupon.name, coupon.remaining_amount]));

  // Who holds a unit is asked, and not also which claim ids stand: a claim id belongs to one user and one coupon.
  const conditions = holdersOf(batch, couponIds);
  const existing =
    conditions.length === 0
      ? []
      : await claims
          .find(
            { $or: conditions },
            { ...reading, projection: { user_id: 1, coupon_name: 1, claimed_at: 1 }, batchSize: batch.length + 1 },
          )
          .toArray();

  const byCoupon = Map.groupBy(existing, (claim) => claim.coupon_name);
  const holders = new Map([...byCoupon].map(([name, held]) => [name, new Set(held.map((claim) => claim.user_id))]));
  const claimedAt = new Map(existing.map((claim) => [claim._id, claim.claimed_at.getTime()]));
  return { couponIds, remaining, holders, claimedAt, standing: new Set(claimedAt.keys()) };
};

/** A condition for each coupon on the index (user_id, coupon_id): who of the batch holds a unit of it. */
const holdersOf = (batch: readonly Claim[], couponIds: ReadonlyMap<string, ObjectId>) =>
  [...Map.groupBy(batch, (claim) => claim.couponName)].flatMap(([name, claims]) => {
    const coupon_id = couponIds.get(name);
    return coupon_id ? [{ user_id: { $in: claims.map((claim) => claim.userId) }, coupon_id }] : [];
  });
