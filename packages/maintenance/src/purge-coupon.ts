import { setTimeout as sleep } from 'node:timers/promises';
import { type CouponFields, closedReasonOf, normaliseName } from '@flashclaim/core';
import { inTransaction, type Mongo } from '@flashclaim/store';
import { type Collection, type Filter, MongoServerError, type ObjectId, type WithId } from 'mongodb';

/** Documents that are removed at once. */
const BATCH_DOCUMENTS = 1_000;

/** MongoDB's code of a write to a document that an open transaction has written. */
const WRITE_CONFLICT = 112;

/** The pause before a removal that met another transaction is tried again. */
const CONFLICT_PAUSE_MS = 100;

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
 * Resolves to what this run removed, because another one may remove the same documents at the same time; to `open`, without a
 * change, where the sale was opened meanwhile.
 */
export const purge = async (
  mongo: Mongo,
  { couponId, couponIds }: Purgeable,
  onProgress: (removed: number) => void = () => {},
): Promise<Purge | 'open'> => {
  const removed = couponId ? await removeCoupon(mongo, couponId) : { coupons: 0, events: 0, claims: 0 };
  if (removed === 'open') return removed;
  const report = (kind: 'events' | 'claims') => (count: number) => {
    removed[kind] += count;
    onProgress(removed.events + removed.claims);
  };
  for (const coupon_id of couponIds) {
    await removeAll(mongo.events, { coupon_id }, report('events'));
    await removeAll(mongo.claims, { coupon_id }, report('claims'));
  }
  return removed;
};

/**
 * Removes a coupon that accepts no claims, and in the same transaction its changes: without claims, no later purge would find
 * them. Events of claims are found by their claims. Where another purge has removed it, there is nothing to remove.
 */
const tryToRemoveCoupon = ({ client, coupons, events }: Mongo, _id: ObjectId): Promise<Purge | 'open'> =>
  inTransaction(client, async (session) => {
    const hasEnded = { ends_at: { $exists: true }, $expr: { $lte: ['$ends_at', '$$NOW'] } };
    const { deletedCount } = await coupons.deleteOne({ _id, $or: [{ paused: true }, hasEnded] }, { session });
    if (deletedCount === 0 && (await coupons.findOne({ _id }, { session, projection: { _id: 1 } }))) return 'open';
    const changes = await events.deleteMany({ coupon_id: _id, type: 'coupon.changed' }, { session });
    return { coupons: deletedCount, events: changes.deletedCount, claims: 0 };
  });

/** Waits where another purge, or a change of the coupon, has not committed yet: only then is it known what is left. */
const removeCoupon = async (mongo: Mongo, couponId: ObjectId): Promise<Purge | 'open'> => {
  for (;;) {
    try {
      return await tryToRemoveCoupon(mongo, couponId);
    } catch (error) {
      if (!(error instanceof MongoServerError && error.code === WRITE_CONFLICT)) throw error;
      await sleep(CONFLICT_PAUSE_MS);
    }
  }
};

/** Removes the documents of a coupon in batches, because one large delete would block the server for seconds. */
const removeAll = async <T extends { coupon_id: ObjectId }>(
  collection: Collection<T>,
  filter: Filter<T>,
  onRemoved: (count: number) => void,
): Promise<void> => {
  for (;;) {
    const batch = await collection.find(filter, { projection: { _id: 1 }, limit: BATCH_DOCUMENTS }).toArray();
    if (batch.length === 0) return;
    // Of this coupon only: another purge may have removed a claim, and a new coupon has one of the same key by now.
    const found = { ...filter, _id: { $in: batch.map(({ _id }) => _id) } } as Filter<T>;
    onRemoved((await collection.deleteMany(found)).deletedCount);
  }
};
