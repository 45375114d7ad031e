import { findLanesWithJobs, inspectLane } from '@flashclaim/lanes';
import type { RedisConnection } from '@flashclaim/runtime';
import type { Queue } from 'bullmq';
import type { ShownLane } from './live-state.ts';

/**
 * Reads the jobs of all API processes in the lanes: in the lanes of this process, and in other lanes with jobs, which exist
 * while processes with different numbers of lanes run. `claimsHere` are the claims of this process, by lane.
 */
export const readLanes = async (redis: RedisConnection, claimsHere: readonly number[]): Promise<ShownLane[]> => {
  const others = (await findLanesWithJobs(redis)).filter((lane) => lane >= claimsHere.length);
  const lanes = [...claimsHere.keys(), ...others];
  const states = await Promise.all(lanes.map(async (lane) => ({ lane, ...(await inspectLane(redis, lane)) })));
  // biome-ignore lint/plugin/wall-clock: the age of a timestamp of another process, to show only.
  const now = Date.now();
  return states.map(({ lane, waiting, active, delayed, failed, oldestAt }) => ({
    lane,
    waiting,
    active,
    delayed,
    failed,
    claimsHere: claimsHere[lane] ?? 0,
    oldestMs: oldestAt === undefined ? 0 : Math.max(0, now - oldestAt),
  }));
};

/**
 * How many workers are connected: every worker opens the first lane. Undefined where Redis does not list its clients, as some
 * hosted ones do not.
 */
export const countWorkers = async (lane: Queue, redis: RedisConnection): Promise<number | undefined> => {
  const clients = await lane.getWorkers();
  // BullMQ then invents a client without an address.
  if (clients.some((client) => client['addr'] === undefined)) return undefined;
  // Several systems may share one Redis, each with its own database.
  const database = String('db' in redis.options ? (redis.options.db ?? 0) : 0);
  return clients.filter((client) => client['db'] === database).length;
};
