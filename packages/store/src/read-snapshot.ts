import { type Claim, type CouponFields, closedReasonOf, type Snapshot } from '@flashclaim/core';
import type { ClientSession, FindOptions, ObjectId, WithId } from 'mongodb';
import { toExistingClaim } from './existing-claims.ts';
import type { Mongo } from './mongo.ts';

/** Coupons with their ids and remaining units, and why some accept no claims, by name. */
export interface KnownCoupons extends Pick<Snapshot, 'remaining' | 'closed'> {
  couponIds: ReadonlyMap<string, ObjectId>;
}

/** A snapshot, with the ids that the writes need. */
export interface ReadSnapshot extends Snapshot, KnownCoupons {
  /** Cluster time of the first read. */
  readAt?: bigint | undefined;
}

type Reading = { session: ClientSession } & Pick<FindOptions, 'readConcern'>;

/**
 * Reads everything that `decideClaims` needs for a batch: two commands, for any number of claims; one where `known` contains
 * the coupons of the batch.
 * @param reading the session of a transaction, or a snapshot session with its read concern.
 * @param settled claims that are not decided again: only whether they and their coupons exist is read.
 */
export const readSnapshot = async (
  { coupons, claims }: Mongo,
  reading: Reading,
  batch: readonly Claim[],
  settled: readonly Claim[] = [],
  known?: KnownCoupons,
): Promise<ReadSnapshot> => {
  const { couponIds, remaining, closed } =
    known ?? (await readCoupons(coupons, new Set([...batch, ...settled].map((claim) => claim.couponName)), reading));
  const couponsReadAt = reading.session.operationTime?.toBigInt();

  const conditions = [...holdersOf(batch, couponIds), ...existingOf(batch, settled)];
  const projection = {
    user_id: 1,
    coupon_id: 1,
    coupon_name: 1,
    claimed_at: 1,
    sequence: 1,
    ended_at: 1,
    request_id: 1,
  };
  const foundClaims =
    conditions.length === 0
      ? []
      : await claims
          .find({ $or: conditions }, { ...reading, projection, batchSize: 2 * batch.length + settled.length + 1 })
          .toArray();

  const readAt = couponsReadAt ?? reading.session.operationTime?.toBigInt();

  // A claim that was found by its id may belong to an earlier coupon with the same name, which was deleted.
  const isOfEarlier = ({ coupon_name, coupon_id }: (typeof foundClaims)[number]): boolean =>
    couponIds.get(coupon_name)?.equals(coupon_id) === false;
  const current = foundClaims.filter(
    (claim) => !claim.ended_at && couponIds.get(claim.coupon_name)?.equals(claim.coupon_id),
  );
  const byCoupon = Map.groupBy(current, (claim) => claim.coupon_name);
  const holders = new Map([...byCoupon].map(([name, held]) => [name, new Set(held.map((claim) => claim.user_id))]));
  const existing = new Map(
    foundClaims.map((claim) => [claim._id, { ...toExistingClaim(claim), ofEarlierCoupon: isOfEarlier(claim) }]),
  );
  return { couponIds, remaining, closed, holders, existing, readAt };
};

/** Reads coupons by name. One that does not exist is absent from the result. */
export const readCoupons = async (
  coupons: Mongo['coupons'],
  names: ReadonlySet<string>,
  reading: Partial<Reading> = {},
): Promise<KnownCoupons> => {
  const projection = { name: 1, remaining_amount: 1, starts_at: 1, ends_at: 1, paused: 1, now: '$$NOW' };
  const found = await coupons
    .find<WithId<CouponFields> & { now: Date }>(
      { name: { $in: [...names] } },
      { ...reading, projection, batchSize: names.size + 1 },
    )
    .toArray();
  return {
    couponIds: new Map(found.map((coupon) => [coupon.name, coupon._id])),
    remaining: new Map(found.map((coupon) => [coupon.name, coupon.remaining_amount])),
    closed: new Map(
      found.flatMap((coupon) => {
        const reason = closedReasonOf(coupon, coupon.now);
        return reason ? [[coupon.name, reason]] : [];
      }),
    ),
  };
};

/** A condition for each coupon, on the index of live claims: the users of the batch who have a unit of it. */
const holdersOf = (batch: readonly Claim[], couponIds: ReadonlyMap<string, ObjectId>) =>
  [...Map.groupBy(batch, (claim) => claim.couponName)].flatMap(([name, claims]) => {
    const coupon_id = couponIds.get(name);
    return coupon_id ? [{ user_id: { $in: claims.map((claim) => claim.userId) }, coupon_id, ordinal: 1 as const }] : [];
  });

/**
 * A condition on the ids of claims to release, and of claim ids that are made of idempotency keys: an existing claim with such
 * an id may have another user and coupon, or have ended. Any other claim id is new, or its job has a record.
 */
const existingOf = (batch: readonly Claim[], settled: readonly Claim[]) => {
  const known = batch.filter(({ requestId, operation }) => requestId !== undefined || operation !== undefined);
  const ids = [...known, ...settled].map((claim) => claim.id);
  return ids.length > 0 ? [{ _id: { $in: ids } }] : [];
};
