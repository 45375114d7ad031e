import type { RedisConnection } from '@flashclaim/runtime';
import { Cluster } from 'ioredis';
import { lanePrefix } from './lane-keys.ts';

/**
 * Makes one small write, on a Redis Cluster one for each lane: so every node that holds lanes is asked. Unlike a PING it fails
 * where Redis answers but takes no jobs: as a replica, without memory, or without the replicas or the disk that it must have.
 */
export const checkWrites = async (redis: RedisConnection, lanes: number): Promise<void> => {
  if (redis instanceof Cluster)
    await Promise.all(Array.from({ length: lanes }, (_, lane) => redis.set(`${lanePrefix(lane)}:write-check`, 1)));
  else await redis.set('flashclaim:write-check', 1);
};
