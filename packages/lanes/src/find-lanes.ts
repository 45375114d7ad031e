import { LANES_MAX } from '@flashclaim/core';
import type { RedisConnection } from '@flashclaim/runtime';
import { laneKey } from './lane-keys.ts';

/** Where BullMQ keeps jobs that are not finished. Redis drops a key as soon as nothing is in it. */
const UNFINISHED = ['wait', 'active', 'delayed', 'prioritized', 'paused', 'waiting-children'];

/** Each lane is asked by one command: in a Redis Cluster its keys may be on a node of their own. */
const findLanes = async (redis: RedisConnection, parts: readonly string[]): Promise<number[]> => {
  const counts = await Promise.all(
    Array.from({ length: LANES_MAX }, (_, lane) => redis.exists(...parts.map((part) => laneKey(lane, part)))),
  );
  return counts.flatMap((count, lane) => (count > 0 ? [lane] : []));
};

/**
 * Finds every lane that holds jobs which are not finished, whatever number of lanes their API had. Nobody has to say which
 * lanes there are: all that there can be are asked.
 */
export const findLanesWithJobs = (redis: RedisConnection): Promise<number[]> => findLanes(redis, UNFINISHED);

/** Finds every lane that was ever used: BullMQ keeps its `meta` for good. */
export const findUsedLanes = (redis: RedisConnection): Promise<number[]> => findLanes(redis, ['meta', ...UNFINISHED]);
