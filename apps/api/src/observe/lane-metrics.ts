import { HEALTH_CHECK_MS } from '@flashclaim/core';
import { type LaneLook, lookAtLane, type RedisConnection, toSeconds, within } from '@flashclaim/service';
import { Gauge, type Registry } from 'prom-client';

interface LaneMetricsOptions {
  redis: RedisConnection;
  lanes: number;
}

/** Tells how long the lanes are. They are looked at when somebody asks, once for all gauges; while Redis is away, nothing is told. */
export const observeLanes = (registry: Registry, { redis, lanes }: LaneMetricsOptions): void => {
  const lookAtAll = () => Promise.all(Array.from({ length: lanes }, (_, lane) => lookAtLane(redis, lane)));
  let looks: Promise<LaneLook[]> | undefined;
  /** All gauges are collected in one turn of the event loop. */
  const look = (): Promise<LaneLook[]> => {
    looks ??= within(HEALTH_CHECK_MS, lookAtAll()).catch(() => []);
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
      for (const [lane, { waiting, active, delayed, failed }] of found.entries())
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
      for (const [lane, { oldestAt }] of found.entries()) this.set({ lane }, toSeconds(now - (oldestAt ?? now)));
    },
  });
};
