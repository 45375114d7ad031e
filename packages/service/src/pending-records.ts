import {
  type Decision,
  OUTCOME_KEPT_SECONDS,
  PENDING_KEPT_SECONDS,
  type Place,
  pendingClaimKey,
} from '@flashclaim/core';
import type { RedisConnection } from './redis.ts';

/**
 * What Redis keeps of a claim whose caller was told `pending`, so that every process can tell what became of it. Requests
 * under one idempotency key share it: it is of the one that came into a job last.
 */
export interface PendingRecord {
  userId: string;
  couponName: string;
  place: Place;
  /** Once it is decided. */
  decision?: Decision;
}

/** Leaves a record alone that is of a later request under the same key. One step, because processes write at the same time. */
const WRITE = `
local kept = redis.call('GET', KEYS[1])
if kept and (cjson.decode(kept).place.at or 0) > (tonumber(ARGV[2]) or 0) then return end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])`;

export const writePendingRecord = async (
  redis: RedisConnection,
  claimId: string,
  record: PendingRecord,
): Promise<void> => {
  const seconds = record.decision ? OUTCOME_KEPT_SECONDS : PENDING_KEPT_SECONDS;
  await redis.eval(WRITE, 1, pendingClaimKey(claimId), JSON.stringify(record), record.place.at, seconds);
};

/** For a claim that stands: MongoDB tells it, for ever, and Redis need not keep one more key for each. */
export const deletePendingRecord = async (redis: RedisConnection, claimId: string): Promise<void> => {
  await redis.del(pendingClaimKey(claimId));
};

export const readPendingRecord = async (
  redis: RedisConnection,
  claimId: string,
): Promise<PendingRecord | undefined> => {
  const text = await redis.get(pendingClaimKey(claimId));
  return text === null ? undefined : (JSON.parse(text) as PendingRecord);
};
