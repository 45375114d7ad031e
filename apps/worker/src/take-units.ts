import { type CouponChanges, type CouponFields, closedReasonOf } from '@flashclaim/core';
import { COLLECTIONS, type Mongo, withDriverTimeout, writeInTransaction } from '@flashclaim/store';
import type { ClientSession, ObjectId, WithId } from 'mongodb';

/** The database contradicts the snapshot of the decision: another transaction committed in between. */
export class SnapshotContradicted extends Error {}

/** A coupon after its units were taken and returned. `updated_at` is the time of that. */
export type TakenCoupon = WithId<
  Pick<CouponFields, 'remaining_amount' | 'issued' | 'event_count' | 'updated_at' | 'starts_at' | 'ends_at' | 'paused'>
>;

export interface Taking {
  mongo: Mongo;
  session: ClientSession;
  couponIds: ReadonlyMap<string, ObjectId>;
}

/**
 * Takes the units of the granted claims, and returns those of the released ones. Resolves to the coupons as they are after it,
 * by name: they contain the numbers of the grants and the time of the decision.
 *
 * The update locks its coupons, so what it returns is the truth, whatever the decision was made from. Settings that are out of
 * date never grant: a coupon that turns out to be closed at that time contradicts the snapshot.
 * @param checkAll whether to check that the unchanged coupons exist as well, because nobody has read them. A coupon may have been
 *   deleted and created again, and then the existing claims belong to the earlier coupon.
 * @throws SnapshotContradicted where a coupon is closed, has too few units, or does not exist.
 */
export const takeUnits = async (
  { mongo, session, couponIds }: Taking,
  changes: ReadonlyMap<string, CouponChanges>,
  checkAll: boolean,
): Promise<Map<string, TakenCoupon>> => {
  const wanted = new Map(
    [...(checkAll ? couponIds : changes)].map(([name]) => [name, couponIds.get(name) as ObjectId]),
  );
  const updates = updatesOf(changes, couponIds);
  const [update] = updates;
  const found =
    update && wanted.size === 1
      ? await updateOne(mongo, session, update)
      : await updateSeveral({ mongo, session }, updates, [...wanted.values()], changes.size);
  const byId = new Map(found.map((coupon) => [coupon._id.toHexString(), coupon]));
  const taken = new Map<string, TakenCoupon>();
  for (const [name, id] of wanted) {
    const coupon = byId.get(id.toHexString());
    if (!coupon) throw new SnapshotContradicted('a coupon does not exist, or has too few units');
    const change = changes.get(name);
    if (!change) continue;
    if (change.granted.length > 0 && closedReasonOf(coupon, coupon.updated_at))
      throw new SnapshotContradicted('a coupon was closed');
    taken.set(name, coupon);
  }
  return taken;
};

type Update = ReturnType<typeof updatesOf>[number];

/**
 * One update for all coupons with the same numbers: that costs the server a third of one update for each coupon.
 * By id and not by name: a coupon that was deleted and created again is another coupon.
 */
const updatesOf = (changes: ReadonlyMap<string, CouponChanges>, couponIds: Taking['couponIds']) => {
  const alike = Map.groupBy(changes, ([, { granted, released, needed }]) =>
    [granted.length, released.length, needed].join(),
  );
  return [...alike.values()].map((coupons) => {
    const [[, { granted, released, needed }]] = coupons as [[string, CouponChanges]];
    const returned = released.length - granted.length;
    return {
      q: {
        _id: { $in: coupons.map(([name]) => couponIds.get(name) as ObjectId) },
        remaining_amount: { $gte: needed },
      },
      u: {
        $inc: { remaining_amount: returned, issued: granted.length, event_count: released.length },
        $currentDate: { updated_at: true },
      },
      multi: true,
    };
  });
};

const PROJECTION = {
  remaining_amount: 1,
  issued: 1,
  event_count: 1,
  updated_at: 1,
  starts_at: 1,
  ends_at: 1,
  paused: 1,
} as const;

/** One command, where there is only one coupon: it updates and returns it. */
const updateOne = async ({ db }: Mongo, session: ClientSession, { q, u }: Update): Promise<TakenCoupon[]> => {
  const command = { findAndModify: COLLECTIONS.coupons, query: q, update: u, new: true, fields: PROJECTION };
  const { value } = await withDriverTimeout(db.command(command, { session }));
  return value ? [value] : [];
};

const updateSeveral = async (
  { mongo, session }: Pick<Taking, 'mongo' | 'session'>,
  updates: readonly Update[],
  ids: ObjectId[],
  changed: number,
): Promise<TakenCoupon[]> => {
  if (updates.length > 0) {
    const updated = await writeInTransaction(mongo.db, session, { update: COLLECTIONS.coupons, updates });
    if (updated !== changed) throw new SnapshotContradicted('a coupon does not exist, or has too few units');
  }
  if (ids.length === 0) return [];
  const options = { session, projection: PROJECTION, batchSize: ids.length + 1 };
  return withDriverTimeout(mongo.coupons.find({ _id: { $in: ids } }, options).toArray());
};
