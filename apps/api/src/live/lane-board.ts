import { lookAtLane, type RedisConnection } from '@flashclaim/service';
import type { Queue } from 'bullmq';
import type { ShownLane } from './live-state.ts';

/** What waits in the lanes, of all API processes. `claimsHere` is by lane, of this one. */
export const lookAtLanes = async (redis: RedisConnection, claimsHere: readonly number[]): Promise<ShownLane[]> => {
  const looks = await Promise.all(claimsHere.map((_, lane) => lookAtLane(redis, lane)));
  // biome-ignore lint/plugin/wall-clock: the age of a stamp that another process made; nothing is decided by it.
  const now = Date.now();
  return looks.map(({ waiting, active, delayed, failed, oldestAt }, lane) => ({
    ...{ lane, waiting, active, delayed, failed },
    claimsHere: claimsHere[lane] as number,
    oldestMs: oldestAt === undefined ? 0 : Math.max(0, now - oldestAt),
  }));
};

/**
 * How many workers are connected. Every worker opens every lane, so one lane tells. Undefined where Redis does not say who is
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
