import { Dispatcher, Recovery, StoreWatch } from '@flashclaim/api';
import { openQueue } from '@flashclaim/lanes';
import { DatabaseClock } from '@flashclaim/store';
import { onTestFinished } from 'vitest';
import { openStores } from './stores.ts';

const log = { info: () => {}, warn: () => {} };

/**
 * Opens the dispatcher and the recovery of an API process with one lane, on new databases, until the test ends.
 * @param dispatchedAgoSeconds how long ago the jobs were dispatched, as their deadlines say.
 */
export const openDispatcher = async (dispatchedAgoSeconds = 0) => {
  const stores = await openStores();
  const { mongo, redis } = stores;
  onTestFinished(stores.close);
  const queue = openQueue(0, redis);
  const watch = new StoreWatch({ name: 'Redis', ask: () => redis.ping(), isFault: () => true, log });
  const databaseClock = new DatabaseClock();
  await databaseClock.ask(mongo.db);
  const mongoWatch = new StoreWatch({
    name: 'MongoDB',
    ask: () => databaseClock.ask(mongo.db),
    isFault: () => false,
    log,
  });
  const earlierClock = {
    get now() {
      return databaseClock.now - dispatchedAgoSeconds;
    },
  };
  const dispatcher = new Dispatcher({ queues: [queue], redis: watch, databaseClock: earlierClock, log });
  const recovery = new Recovery({ dispatcher, redis: watch, mongo, mongoWatch, databaseClock, log });
  onTestFinished(async () => {
    recovery.close();
    watch.close();
    mongoWatch.close();
    await queue.close();
  });
  return { ...stores, queue, watch, dispatcher, recovery, log };
};
