import type { RedisConnection } from '@flashclaim/runtime';
import { Cluster } from 'ioredis';
import { lanePrefix } from './lane-keys.ts';

/**
 * Makes one small write; on a Redis Cluster one for each lane, so that every node with lanes is checked. Unlike a PING, it fails
 * where Redis answers but accepts no jobs: it is a replica, has no memory, or lacks required replicas or disk.
 */
export const checkWrites = async (redis: RedisConnection, lanes: number): Promise<void> => {
  if (redis instanceof Cluster)
    await Promise.all(Array.from({ length: lanes }, (_, lane) => redis.set(`${lanePrefix(lane)}:write-check`, 1)));
  else await redis.set('flashclaim:write-check', 1);
};
