import { LaneJobs, StoreWatch } from '@flashclaim/api';
import { laneName, lanePrefix } from '@flashclaim/core';
import { DatabaseClock } from '@flashclaim/service';
import { Queue } from 'bullmq';
import { onTestFinished } from 'vitest';
import { openStores } from './stores.ts';

const log = { info: () => {}, warn: () => {} };

/** The jobs of an API process with one lane, in stores of their own, until the test ends. */
export const openLaneJobs = async () => {
  const stores = await openStores();
  const { mongo, redis } = stores;
  onTestFinished(stores.close);
  const queue = new Queue(laneName(0), { connection: redis, prefix: lanePrefix(0) });
  const watch = new StoreWatch({ name: 'Redis', ask: () => redis.ping(), isFault: () => true, log });
  const databaseClock = new DatabaseClock();
  await databaseClock.ask(mongo.db);
  const mongoWatch = new StoreWatch({
    name: 'MongoDB',
    ask: () => databaseClock.ask(mongo.db),
    isFault: () => false,
    log,
  });
  const jobs = new LaneJobs({ lanes: [queue], mongo, redis: watch, mongoWatch, databaseClock, log });
  onTestFinished(async () => {
    jobs.close();
    watch.close();
    mongoWatch.close();
    await queue.close();
  });
  return { ...stores, queue, watch, jobs, log };
};
