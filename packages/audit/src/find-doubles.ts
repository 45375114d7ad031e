import type { ClaimFields } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import { BSON, type Filter, type FindCursor, type ObjectId } from 'mongodb';
import { AT_SNAPSHOT } from './at-snapshot.ts';

/** MongoDB's own batches have 16 MB. Small ones are as fast, and take half the memory: a pair is some 60 bytes. */
const BATCH_CLAIMS = 1_000;
const REPORT_EVERY_CLAIMS = 10_000;

/**
 * The claims of a user on a coupon beyond the first, by coupon id.
 * Reads all pairs in the order of their index and compares neighbours, as the bytes that they are: half the time of grouping
 * them in MongoDB, and no memory for those that were passed. Without the index MongoDB sorts them, on disk.
 */
export const findDoubles = async (
  { claims }: Mongo,
  filter: Filter<ClaimFields<ObjectId>>,
  onProgress: (done: number) => void,
): Promise<Map<string, number>> => {
  const doubles = new Map<string, number>();
  const pairs = claims.find(filter, {
    ...AT_SNAPSHOT,
    raw: true,
    projection: { _id: 0, user_id: 1, coupon_id: 1 },
    sort: { user_id: 1, coupon_id: 1 },
    batchSize: BATCH_CLAIMS,
  }) as FindCursor<unknown> as FindCursor<Buffer>;
  let done = 0;
  let before: Buffer | undefined;
  for await (const pair of pairs) {
    if (before?.equals(pair)) {
      const id = String(BSON.deserialize(pair)['coupon_id']);
      doubles.set(id, (doubles.get(id) ?? 0) + 1);
    }
    before = pair;
    if (++done % REPORT_EVERY_CLAIMS === 0) onProgress(done);
  }
  return doubles;
};
