import { findFreePort } from '@flashclaim/local-stack';
import { Queue } from 'bullmq';
import type { Candidate } from './candidate.ts';
import { openCouponStore } from './coupon-store.ts';
import { LITERAL_QUEUE, redisOptions } from './literal-queue.ts';
import { startProgram, waitUntilHealthy } from './start-program.ts';

const IDLE_MAX_MS = 60_000;
const CHECK_EVERY_MS = 100;

/** The literal reading of the task: one job for each claim, one transaction for each job. */
export const literal: Candidate = {
  name: 'literal',
  what: 'one BullMQ job and one MongoDB transaction for each claim, waitUntilFinished, concurrency 100',
  start: async ({ stack, settings }) => {
    const { mongoDb, redisUrl } = await stack.newDatabases();
    const store = await openCouponStore(stack.mongoUri, mongoDb);
    const queue = new Queue(LITERAL_QUEUE, { connection: redisOptions(redisUrl) });
    // Redis stops with the bench; its connection errors are expected then.
    queue.on('error', () => {});
    const port = await findFreePort();
    const all = { MONGO_URI: stack.mongoUri, MONGO_DB: mongoDb, REDIS_URL: redisUrl, PORT: `${port}`, ...settings };
    const [api, worker] = await Promise.all([
      startProgram(import.meta.resolve('./literal-api.ts'), all),
      startProgram(import.meta.resolve('./literal-worker.ts'), all),
    ]);
    const url = `http://127.0.0.1:${port}`;
    await waitUntilHealthy(url);
    return {
      url,
      store,
      processes: { api: [api.pid], worker: [worker.pid], redis: [stack.redisPid], mongod: [stack.mongodPid] },
      addStock: store.add,
      settle: async () => {
        // Waiting jobs would take longer than the run, and their callers are gone.
        await queue.drain();
        await becomesIdle(queue);
      },
      stop: async () => {
        await Promise.all([api.stop(0), worker.stop(0), queue.close()]);
        await store.close();
      },
    };
  },
};

const becomesIdle = async (queue: Queue): Promise<void> => {
  const deadline = performance.now() + IDLE_MAX_MS;
  while ((await queue.getActiveCount()) > 0) {
    if (performance.now() > deadline) throw new Error('The literal design was still busy long after the load.');
    await new Promise((resolve) => setTimeout(resolve, CHECK_EVERY_MS));
  }
};
