import { type CouponFields, closedReasonOf, normaliseName } from '@flashclaim/core';
import { inTransaction, type Mongo } from '@flashclaim/store';
import type { Collection, Filter, ObjectId, WithId } from 'mongodb';

/** Documents that are removed at once. */
const BATCH_DOCUMENTS = 1_000;

/** The number of documents of each kind that a purge removes. */
export interface Purge {
  coupons: number;
  events: number;
  claims: number;
}

/** What a purge would remove. */
export interface Purgeable extends Purge {
  /** The coupon, if it is removed too. It accepts no claims. */
  couponId?: ObjectId;
  /** Why it accepts none. */
  closed?: 'ended' | 'paused';
  /** The ids of all coupons whose events and claims are removed: also of those that an interrupted purge removed already. */
  couponIds: ObjectId[];
}

/** Why nothing can be purged: there is no such coupon, or its sale is not over. */
export type NotPurgeable = 'unknown' | 'open';

/** Finds what a purge of a coupon removes. An interrupted purge is completed also where a new coupon has the name. */
export const findPurgeable = async (mongo: Mongo, couponName: string): Promise<Purgeable | NotPurgeable> => {
  const { coupons, claims, events } = mongo;
  const name = normaliseName(couponName);
  const coupon = await coupons.findOne<WithId<CouponFields> & { now: Date }>(
    { name },
    { projection: { starts_at: 1, ends_at: 1, paused: 1, now: '$$NOW' } },
  );
  const reason = coupon ? closedReasonOf(coupon, coupon.now) : undefined;
  const closed = reason === 'not_started' ? undefined : reason;
  const removed = await removedCouponsOf(mongo, name);
  if (removed.length === 0 && !closed) return coupon ? 'open' : 'unknown';
  const couponIds = coupon && closed ? [coupon._id, ...removed] : removed;
  const ofThem = { coupon_id: { $in: couponIds } };
  return {
    ...(coupon && closed && { couponId: coupon._id, closed }),
    couponIds,
    coupons: closed ? 1 : 0,
    events: await events.countDocuments(ofThem),
    claims: await claims.countDocuments(ofThem),
  };
};

/** The ids of coupons that had this name, have claims, and do not exist any more. */
const removedCouponsOf = async ({ coupons, claims }: Mongo, name: string): Promise<ObjectId[]> => {
  const found = await claims
    .aggregate<{ _id: ObjectId }>([
      { $match: { coupon_name: name } },
      { $group: { _id: '$coupon_id' } },
      { $lookup: { from: coupons.collectionName, localField: '_id', foreignField: '_id', as: 'coupon' } },
      { $match: { coupon: [] } },
    ])
    .toArray();
  return found.map(({ _id }) => _id);
};

/**
 * Removes what was found: the coupon, then the events, then the claims. Nobody can claim from the moment when the coupon is
 * gone. An interrupted purge leaves claims of a coupon that does not exist, by which the next one finds the rest.
 *
 * Resolves to false, without a change, where the sale was opened meanwhile.
 */
export const purge = async (
  mongo: Mongo,
  { couponId, couponIds }: Purgeable,
  onProgress: (removed: number) => void = () => {},
): Promise<boolean> => {
  if (couponId && !(await removeCoupon(mongo, couponId))) return false;
  let removed = 0;
  const report = (count: number) => {
    removed += count;
    onProgress(removed);
  };
  for (const coupon_id of couponIds) {
    await removeAll(mongo.events, { coupon_id }, report);
    await removeAll(mongo.claims, { coupon_id }, report);
  }
  return true;
};

/**
 * Removes a coupon that accepts no claims, and in the same transaction its changes: without claims, no later purge would find
 * them. Events of claims are found by their claims. Resolves to whether it was removed.
 */
const removeCoupon = ({ client, coupons, events }: Mongo, _id: ObjectId): Promise<boolean> =>
  inTransaction(client, async (session) => {
    const hasEnded = { ends_at: { $exists: true }, $expr: { $lte: ['$ends_at', '$$NOW'] } };
    const { deletedCount } = await coupons.deleteOne({ _id, $or: [{ paused: true }, hasEnded] }, { session });
    if (deletedCount === 0) return false;
    await events.deleteMany({ coupon_id: _id, type: 'coupon.changed' }, { session });
    return true;
  });

/** Removes the documents of a coupon in batches, because one large delete would block the server for seconds. */
const removeAll = async <T extends { coupon_id: ObjectId }>(
  collection: Collection<T>,
  filter: Filter<T>,
  onRemoved: (count: number) => void,
): Promise<void> => {
  for (;;) {
    const batch = await collection.find(filter, { projection: { _id: 1 }, limit: BATCH_DOCUMENTS }).toArray();
    if (batch.length === 0) return;
    const ids = { _id: { $in: batch.map(({ _id }) => _id) } } as Filter<T>;
    onRemoved((await collection.deleteMany(ids)).deletedCount);
  }
};
