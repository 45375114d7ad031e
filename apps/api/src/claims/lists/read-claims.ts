import type { ClaimFields, ListedStatus } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import { LISTED_FIELDS } from './to-claim-status.ts';

/** The most claims that one read examines to find those with a status: so it always ends soon. */
const EXAMINED_MAX = 10_000;

/** Documents in one answer of MongoDB: reading more at once would delay the claims of this process. */
const BATCH_MAX = 1_000;

const CONDITIONS = { claimed: { state: { $exists: false } }, released: { state: 'released' as const } };

export interface ClaimsRange {
  couponId: ObjectId;
  /** The sequence number before the range. */
  after: number;
  limit: number;
  status: ListedStatus | undefined;
}

export interface ReadClaims {
  claims: ClaimFields<ObjectId>[];
  /** The sequence number after which the next range begins; undefined where there is none. */
  next: number | undefined;
}

/**
 * Reads claims of a coupon, by sequence, in one snapshot. With a status, it examines `EXAMINED_MAX` claims, and may find fewer
 * than the limit, or none, although there is a next range.
 */
export const readClaims = async ({ claims }: Mongo, range: ClaimsRange): Promise<ReadClaims> => {
  const { couponId: coupon_id, after, limit, status } = range;
  // Sequence numbers are granted in order, so no claim appears later between those that were read.
  const end = status && (await startOfNext({ claims }, range));
  const sequence = { $gt: after, ...(end !== undefined && { $lt: end }) };
  const found = await claims
    .find(
      { coupon_id, sequence, ...(status && CONDITIONS[status]) },
      { projection: LISTED_FIELDS, readConcern: 'snapshot', batchSize: Math.min(limit + 2, BATCH_MAX) },
    )
    .sort({ sequence: 1 })
    .limit(limit + 1)
    .toArray();
  if (found.length > limit) return { claims: found.slice(0, limit), next: found[limit - 1]?.sequence };
  return { claims: found, next: end === undefined ? undefined : end - 1 };
};

/** The sequence number of the first claim after those that one read examines. Reads keys of the index, and no document. */
const startOfNext = async (
  { claims }: Pick<Mongo, 'claims'>,
  { couponId: coupon_id, after }: ClaimsRange,
): Promise<number | undefined> => {
  const [first] = await claims
    .find({ coupon_id, sequence: { $gt: after } }, { projection: { _id: 0, sequence: 1 }, readConcern: 'snapshot' })
    .sort({ sequence: 1 })
    .skip(EXAMINED_MAX)
    .limit(1)
    .toArray();
  return first?.sequence;
};
