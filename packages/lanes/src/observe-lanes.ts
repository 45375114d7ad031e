import { HEALTH_CHECK_MS } from '@flashclaim/core';
import type { RedisConnection } from '@flashclaim/runtime';
import { toSeconds, withTimeout } from '@flashclaim/runtime';
import { Gauge, type Registry } from 'prom-client';
import { findUsedLanes } from './find-lanes.ts';
import { inspectLane, type LaneState } from './inspect-lane.ts';

type FoundLane = LaneState & { lane: number };

const inspectAll = async (redis: RedisConnection): Promise<FoundLane[]> =>
  Promise.all((await findUsedLanes(redis)).map(async (lane) => ({ lane, ...(await inspectLane(redis, lane)) })));

/**
 * Measures every lane that is in Redis, also those that only another number of lanes has. They are looked at when somebody
 * asks, once for all gauges. While Redis is away, no lane is in the metrics.
 */
export const observeLanes = (registry: Registry, redis: RedisConnection): void => {
  let looks: Promise<FoundLane[]> | undefined;
  /** All gauges are collected in one turn of the event loop. */
  const look = (): Promise<FoundLane[]> => {
    // A worker's commands would wait in line until Redis is back.
    const isThere = redis.status === 'ready';
    looks ??= isThere ? withTimeout(HEALTH_CHECK_MS, inspectAll(redis)).catch(() => []) : Promise.resolve([]);
    setImmediate(() => {
      looks = undefined;
    });
    return looks;
  };

  new Gauge({
    name: 'flashclaim_lane_jobs',
    help: 'Jobs in a lane, of all API processes; failed ones are kept to be looked at.',
    labelNames: ['lane', 'state'],
    registers: [registry],
    async collect() {
      const found = await look();
      this.reset();
      for (const { lane, waiting, active, delayed, failed } of found)
        for (const [state, count] of Object.entries({ waiting, active, delayed, failed }))
          this.set({ lane, state }, count);
    },
  });
  new Gauge({
    name: 'flashclaim_lane_oldest_job_age_seconds',
    help: 'Age of the oldest job in a lane that is not finished; 0 where there is none.',
    labelNames: ['lane'],
    registers: [registry],
    async collect() {
      const found = await look();
      this.reset();
      // biome-ignore lint/plugin/wall-clock: the age of a stamp that another process made; nothing is decided by it.
      const now = Date.now();
      for (const { lane, oldestAt } of found) this.set({ lane }, toSeconds(now - (oldestAt ?? now)));
    },
  });
  new Gauge({
    name: 'flashclaim_lane_unserved',
    help: '1 where a lane has a job that any worker might run, and none does; else 0.',
    labelNames: ['lane'],
    registers: [registry],
    async collect() {
      const found = await look();
      this.reset();
      for (const { lane, unserved } of found) this.set({ lane }, unserved === undefined ? 0 : 1);
    },
  });
};
