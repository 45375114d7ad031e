import type { ClaimFields, CouponFields } from '@flashclaim/core';
import type { AnyBulkWriteOperation, Document, ObjectId } from 'mongodb';
import { OF_EARLIER_LAYOUT } from './layout.ts';
import type { Mongo } from './mongo.ts';
import { isSameKey } from './same-index.ts';

/** The index of claims by coupon in the earlier layout. Claims of a coupon come in the order of their insertion. */
export const BY_COUPON = { coupon_id: 1 } as const;

/** Writes of one batch. A larger one is not faster. */
const BATCH_WRITES = 1_000;

/** An update that gives a coupon the fields that it lacks, where its last claim has this number. */
export const completion = (last: number): Document[] => [
  {
    $set: {
      issued: { $max: ['$issued', last] },
      version: { $ifNull: ['$version', 1] },
      held_amount: { $ifNull: ['$held_amount', 0] },
      event_count: { $ifNull: ['$event_count', 0] },
      // A coupon that was imported by hand may lack them.
      created_at: { $ifNull: ['$created_at', '$$NOW'] },
      updated_at: { $ifNull: ['$updated_at', '$$NOW'] },
    },
  },
];

export interface Numbered {
  claims: number;
  coupons: number;
}

/**
 * Numbers the claims of each coupon 1, 2, 3 … in the order of their insertion, also where there is no such coupon, and
 * completes their coupons. Claims that have a number keep it. Resolves to what it changed.
 *
 * It reads every claim in the order of an index and writes in that order, so memory grows with the coupons alone, and the
 * numbered claims of a coupon are its first ones. After an election they may not be: members may differ in the order of two
 * insertions. So a repeated run continues after the highest number of the coupon.
 */
export const numberClaims = async (
  mongo: Mongo,
  onProgress: (done: number, total: number) => void,
): Promise<Numbered> => {
  const { claims, coupons } = mongo;
  const isDone =
    !(await claims.findOne({ sequence: { $exists: false } })) && !(await coupons.findOne(OF_EARLIER_LAYOUT));
  if (isDone) return { claims: 0, coupons: 0 };
  const total = await claims.estimatedDocumentCount();
  const indexes = total > 0 ? await claims.indexes() : [];
  if (!indexes.some(({ key }) => isSameKey(key, BY_COUPON))) await claims.createIndex(BY_COUPON);

  const highest = await highestNumbers(mongo);
  const batch = new Batch(mongo);
  let read = 0;
  let couponId: ObjectId | undefined;
  let key: string | undefined;
  let last = 0;
  const order = { hint: BY_COUPON, sort: BY_COUPON, projection: { coupon_id: 1, sequence: 1 } };
  for await (const claim of claims.find({}, { ...order, batchSize: BATCH_WRITES })) {
    if (key !== keyOf(claim.coupon_id)) {
      if (couponId) batch.complete(couponId, last);
      couponId = claim.coupon_id;
      key = keyOf(couponId);
      last = highest.get(key) ?? 0;
    }
    if (claim.sequence === undefined) batch.number(claim._id, last + 1);
    last = claim.sequence === undefined ? last + 1 : Math.max(last, claim.sequence);
    read += 1;
    if (batch.size < BATCH_WRITES) continue;
    await batch.write();
    onProgress(read, total);
  }
  if (couponId) batch.complete(couponId, last);
  await batch.write();
  onProgress(read, read);
  return batch.written;
};

/** A claim that was imported by hand may lack its coupon; MongoDB groups such claims under null. */
const keyOf = (couponId: ObjectId | null | undefined): string => String(couponId ?? null);

/** The highest number of each coupon that an interrupted migration has begun, by coupon id. */
const highestNumbers = async ({ claims }: Mongo): Promise<Map<string, number>> => {
  const found = await claims
    .aggregate<{ _id: ObjectId; last: number }>([
      { $match: { sequence: { $exists: true } } },
      { $group: { _id: '$coupon_id', last: { $max: '$sequence' } } },
    ])
    .toArray();
  return new Map(found.map(({ _id, last }) => [keyOf(_id), last]));
};

/** Writes that wait for the next batch. */
class Batch {
  readonly written: Numbered = { claims: 0, coupons: 0 };
  readonly #mongo: Mongo;
  #claims: AnyBulkWriteOperation<ClaimFields<ObjectId>>[] = [];
  #coupons: AnyBulkWriteOperation<CouponFields>[] = [];

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
  }

  get size(): number {
    return this.#claims.length + this.#coupons.length;
  }

  /** Another migration may have numbered it meanwhile: that number stays. */
  number(_id: string, sequence: number): void {
    this.#claims.push({
      updateOne: { filter: { _id, sequence: { $exists: false } }, update: { $set: { sequence, ordinal: 1 } } },
    });
  }

  complete(_id: ObjectId, last: number): void {
    this.#coupons.push({ updateOne: { filter: { _id }, update: completion(last) } });
  }

  /** Writes in order: an interruption leaves a beginning. A coupon follows its claims, so it is not complete before them. */
  async write(): Promise<void> {
    const { claims, coupons } = this.#mongo;
    if (this.#claims.length > 0) this.written.claims += (await claims.bulkWrite(this.#claims)).modifiedCount;
    if (this.#coupons.length > 0) this.written.coupons += (await coupons.bulkWrite(this.#coupons)).modifiedCount;
    this.#claims = [];
    this.#coupons = [];
  }
}
