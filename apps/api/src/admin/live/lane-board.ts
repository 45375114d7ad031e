import { findLanesWithJobs, inspectLane } from '@flashclaim/lanes';
import type { RedisConnection } from '@flashclaim/runtime';
import type { Queue } from 'bullmq';
import type { ShownLane } from './live-state.ts';

/**
 * What waits in the lanes, of all API processes: in those of this one, and in each other one that holds jobs, as while
 * another number of lanes is in use. `claimsHere` is by lane, of this process.
 */
export const lookAtLanes = async (redis: RedisConnection, claimsHere: readonly number[]): Promise<ShownLane[]> => {
  const others = (await findLanesWithJobs(redis)).filter((lane) => lane >= claimsHere.length);
  const lanes = [...claimsHere.keys(), ...others];
  const looks = await Promise.all(lanes.map(async (lane) => ({ lane, ...(await inspectLane(redis, lane)) })));
  // biome-ignore lint/plugin/wall-clock: the age of a stamp that another process made; nothing is decided by it.
  const now = Date.now();
  return looks.map(({ lane, waiting, active, delayed, failed, oldestAt }) => ({
    ...{ lane, waiting, active, delayed, failed },
    claimsHere: claimsHere[lane] ?? 0,
    oldestMs: oldestAt === undefined ? 0 : Math.max(0, now - oldestAt),
  }));
};

/**
 * How many workers are connected. Every worker opens the first lane, so that one tells. Undefined where Redis does not say who is
 * connected, as some that are hosted do not.
 */
export const countWorkers = async (lane: Queue, redis: RedisConnection): Promise<number | undefined> => {
  const clients = await lane.getWorkers();
  // BullMQ then makes one up, which has no address.
  if (clients.some((client) => client['addr'] === undefined)) return undefined;
  // Several systems may share a Redis, each with a database of its own.
  const database = String('db' in redis.options ? (redis.options.db ?? 0) : 0);
  return clients.filter((client) => client['db'] === database).length;
};
