import type { ListedStatus } from '@flashclaim/core';
import { type Mongo, retryTransaction } from '@flashclaim/store';
import type { ClientSession, ObjectId } from 'mongodb';
import { NO_SUCH_COUPON, ProblemError } from '../../http/problem.ts';
import { STATUS_FIELDS, type StatusFields } from './to-claim-status.ts';

/** The most claims that one read examines to find those with a status: so it always ends soon. */
export const EXAMINED_MAX = 10_000;

/** Documents in one answer of MongoDB: reading more at once would delay the claims of this process, and need more memory. */
const BATCH_MAX = 500;

const CONDITIONS = { claimed: { state: { $exists: false } }, released: { state: 'released' as const } };

export interface ClaimsRange {
  couponId: ObjectId;
  /** The sequence number before the range. */
  after: number;
  limit: number;
  status: ListedStatus | undefined;
}

/**
 * Reads claims of a coupon, by sequence, in a transaction: the majority reads of a new primary may lag behind what was
 * acknowledged. With a status, it examines `EXAMINED_MAX` claims, and may find fewer than the limit, or none, although there is a
 * next range.
 * @param convert converts each batch at once, so that no more documents than one batch are in memory.
 * @throws ProblemError `coupon_not_found` where the coupon was purged: some of its claims may be gone.
 */
export const readClaims = <T>(mongo: Mongo, range: ClaimsRange, convert: Convert<T>): Promise<FoundClaims<T>> =>
  retryTransaction(mongo.client, (session) => readRange({ mongo, session }, range, convert));

export type Convert<T> = (batch: readonly StatusFields[]) => T;

export interface FoundClaims<T> {
  batches: T[];
  /** The sequence number after which the next range begins; undefined where there is none. */
  next: number | undefined;
}

interface Reading {
  mongo: Mongo;
  session: ClientSession;
}

const readRange = async <T>(reading: Reading, range: ClaimsRange, convert: Convert<T>): Promise<FoundClaims<T>> => {
  const { couponId: coupon_id, after, limit, status } = range;
  const { mongo, session } = reading;
  // A purge removes the coupon before its claims. So in a snapshot that has the coupon, no claim is missing.
  const coupon = await mongo.coupons.findOne({ _id: coupon_id }, { session, projection: { _id: 1 } });
  if (!coupon) throw new ProblemError('coupon_not_found', NO_SUCH_COUPON);
  // Sequence numbers are granted in order, so no claim appears later between those that were read.
  const end = status && (await startOfNext(reading, range));
  const sequence = { $gt: after, ...(end !== undefined && { $lt: end }) };
  await using cursor = mongo.claims
    .find<StatusFields>(
      { coupon_id, sequence, ...(status && CONDITIONS[status]) },
      { session, projection: STATUS_FIELDS, batchSize: Math.min(limit + 2, BATCH_MAX) },
    )
    .sort({ sequence: 1 })
    .limit(limit + 1);
  const batches: T[] = [];
  let found = 0;
  let last: number | undefined;
  while (await cursor.hasNext()) {
    const batch = cursor.readBufferedDocuments();
    // The claim after the limit shows whether there is a next range.
    const wanted = batch.slice(0, limit - found);
    found += batch.length;
    last = wanted.at(-1)?.sequence ?? last;
    batches.push(convert(wanted));
  }
  if (found > limit) return { batches, next: last };
  return { batches, next: end === undefined ? undefined : end - 1 };
};

/** The sequence number of the first claim after those that one read examines. Reads keys of the index, and no document. */
const startOfNext = async (
  { mongo, session }: Reading,
  { couponId: coupon_id, after }: ClaimsRange,
): Promise<number | undefined> => {
  const [first] = await mongo.claims
    .find({ coupon_id, sequence: { $gt: after } }, { session, projection: { _id: 0, sequence: 1 } })
    .sort({ sequence: 1 })
    .skip(EXAMINED_MAX)
    .limit(1)
    .toArray();
  return first?.sequence;
};
