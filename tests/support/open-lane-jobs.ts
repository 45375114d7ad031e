import { LaneJobs, StoreWatch } from '@flashclaim/api';
import { laneName, lanePrefix } from '@flashclaim/core';
import { Queue } from 'bullmq';
import { onTestFinished } from 'vitest';
import { openStores } from './stores.ts';

type Options = ConstructorParameters<typeof LaneJobs>[0];

const log = { info: () => {}, warn: () => {} };

/** The jobs of an API process with one lane, in stores of their own, until the test ends. */
export const openLaneJobs = async ({ pendingAgain = async () => {} }: Partial<Pick<Options, 'pendingAgain'>> = {}) => {
  const stores = await openStores();
  const { mongo, redis } = stores;
  onTestFinished(stores.close);
  const queue = new Queue(laneName(0), { connection: redis, prefix: lanePrefix(0) });
  const watch = new StoreWatch({ name: 'Redis', ask: () => redis.ping(), isFault: () => true, log });
  const jobs = new LaneJobs({ lanes: [queue], mongo, redis: watch, log, pendingAgain });
  onTestFinished(async () => {
    jobs.close();
    watch.close();
    await queue.close();
  });
  return { ...stores, queue, watch, jobs, log };
};
