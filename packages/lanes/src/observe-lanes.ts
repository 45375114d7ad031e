import { HEALTH_CHECK_MS } from '@flashclaim/core';
import { type RedisConnection, toSeconds, withTimeout } from '@flashclaim/runtime';
import { Gauge, type Registry } from 'prom-client';
import { findUsedLanes } from './find-lanes.ts';
import { inspectLane, type LaneState } from './inspect-lane.ts';

type FoundLane = LaneState & { lane: number };

const inspectAll = async (redis: RedisConnection): Promise<FoundLane[]> =>
  Promise.all((await findUsedLanes(redis)).map(async (lane) => ({ lane, ...(await inspectLane(redis, lane)) })));

/**
 * Measures every lane in Redis, also lanes beyond the `CLAIM_LANES` of this process. A scrape inspects the lanes once, for all
 * gauges. While Redis is down, the metrics contain no lanes.
 */
export const observeLanes = (registry: Registry, redis: RedisConnection): void => {
  let inspection: Promise<FoundLane[]> | undefined;
  /** All gauges are collected in one turn of the event loop, so they share one inspection. */
  const inspectOnce = (): Promise<FoundLane[]> => {
    // While Redis is down, the commands of a worker would wait in the offline queue.
    const isUp = redis.status === 'ready';
    inspection ??= isUp ? withTimeout(HEALTH_CHECK_MS, inspectAll(redis)).catch(() => []) : Promise.resolve([]);
    setImmediate(() => {
      inspection = undefined;
    });
    return inspection;
  };

  new Gauge({
    name: 'flashclaim_lane_jobs',
    help: 'Jobs in a lane, of all API processes, by state. Failed jobs never run again.',
    labelNames: ['lane', 'state'],
    registers: [registry],
    async collect() {
      const found = await inspectOnce();
      this.reset();
      for (const { lane, waiting, active, delayed, failed } of found)
        for (const [state, count] of Object.entries({ waiting, active, delayed, failed }))
          this.set({ lane, state }, count);
    },
  });
  new Gauge({
    name: 'flashclaim_lane_oldest_job_age_seconds',
    help: 'Age of the oldest unfinished job of a lane; 0 where there is none.',
    labelNames: ['lane'],
    registers: [registry],
    async collect() {
      const found = await inspectOnce();
      this.reset();
      // biome-ignore lint/plugin/wall-clock: the age of another process's timestamp, for a metric only.
      const now = Date.now();
      for (const { lane, oldestAt } of found) this.set({ lane }, toSeconds(now - (oldestAt ?? now)));
    },
  });
  new Gauge({
    name: 'flashclaim_lane_unserved',
    help: '1 where a lane has a job that any worker could run, but none runs; otherwise 0.',
    labelNames: ['lane'],
    registers: [registry],
    async collect() {
      const found = await inspectOnce();
      this.reset();
      for (const { lane, unserved } of found) this.set({ lane }, unserved === undefined ? 0 : 1);
    },
  });
};
