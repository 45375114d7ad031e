import { LANES_MAX } from '@flashclaim/core';
import type { RedisConnection } from '@flashclaim/runtime';
import { laneKey } from './lane-keys.ts';

/** The keys of BullMQ that contain unfinished jobs. Redis deletes a key once it is empty. */
const UNFINISHED = ['wait', 'active', 'delayed', 'prioritized', 'paused', 'waiting-children'];

/** One command for each lane, because in a Redis Cluster each lane may be on another node. */
const findLanes = async (redis: RedisConnection, parts: readonly string[]): Promise<number[]> => {
  const counts = await Promise.all(
    Array.from({ length: LANES_MAX }, (_, lane) => redis.exists(...parts.map((part) => laneKey(lane, part)))),
  );
  return counts.flatMap((count, lane) => (count > 0 ? [lane] : []));
};

/** Finds every lane with unfinished jobs. It checks all lanes that can exist, because API processes may have other `CLAIM_LANES`. */
export const findLanesWithJobs = (redis: RedisConnection): Promise<number[]> => findLanes(redis, UNFINISHED);

/** Finds every lane that was ever used: BullMQ never deletes its `meta` key. */
export const findUsedLanes = (redis: RedisConnection): Promise<number[]> => findLanes(redis, ['meta', ...UNFINISHED]);
