import { CLAIM_WAIT_DEFAULT_MS } from '@flashclaim/core';
import { findFreePort, NODE_ARGUMENTS, type ProcessHandle } from '@flashclaim/local-stack';
import type { Candidate, Running, StartOptions } from './candidate.ts';
import { type CouponStore, openCouponStore } from './coupon-store.ts';
import { startProgram, waitUntilHealthy } from './start-program.ts';

const API = new URL('../../apps/api/src/server.ts', import.meta.url).href;
const WORKER = new URL('../../apps/worker/src/worker.ts', import.meta.url).href;

/** A running Flashclaim, and the bench's connection to its database. */
export interface RunningFlashclaim extends Running {
  store: CouponStore;
  /** The API processes that get no requests. */
  otherApis: readonly number[];
  /** Suspends the workers (SIGSTOP), or resumes them (SIGCONT). */
  signalWorkers(signal: 'SIGSTOP' | 'SIGCONT'): void;
}

export interface FlashclaimOptions extends StartOptions {
  /** The number of API processes; one of them gets the requests. */
  apis?: number;
}

export const startFlashclaim = async (options: FlashclaimOptions): Promise<RunningFlashclaim> => {
  const { stack, workers = 1, apis = 1, settings } = options;
  const { mongoDb, redisUrl } = await stack.newDatabases();
  const store = await openCouponStore(stack.mongoUri, mongoDb);
  const port = await findFreePort();
  const all = {
    MONGO_URI: stack.mongoUri,
    MONGO_DB: mongoDb,
    REDIS_URL: redisUrl,
    PORT: `${port}`,
    CLAIM_WAIT_MS: `${CLAIM_WAIT_DEFAULT_MS}`,
    ...settings,
  };
  const [api, ...others] = await startMany(apis, async (index) =>
    startProgram(API, index === 0 ? all : { ...all, PORT: `${await findFreePort()}` }, NODE_ARGUMENTS),
  );
  const workerHandles = await startMany(workers, () => startProgram(WORKER, all, NODE_ARGUMENTS));
  const url = `http://127.0.0.1:${port}`;
  await waitUntilHealthy(url);
  return {
    url,
    store,
    pendingAfterMs: Number(all['CLAIM_WAIT_MS']),
    processes: {
      api: [api.pid],
      worker: workerHandles.map((worker) => worker.pid),
      redis: [stack.redisPid],
      mongod: [stack.mongodPid],
    },
    otherApis: others.map(({ pid }) => pid),
    addStock: store.add,
    settle: store.settle,
    signalWorkers: (signal) => {
      for (const worker of workerHandles) worker.kill(signal);
    },
    stop: async () => {
      // Killed at once: everything is settled, and the data are deleted.
      await Promise.all([api, ...others, ...workerHandles].map((handle) => handle.stop(0)));
      await store.close();
    },
  };
};

const startMany = (count: number, start: (index: number) => Promise<ProcessHandle>) =>
  Promise.all(Array.from({ length: count }, (_, index) => start(index))) as Promise<
    [ProcessHandle, ...ProcessHandle[]]
  >;

export const flashclaim: Candidate = {
  name: 'flashclaim',
  what: 'Flashclaim as it ships: apps/api and apps/worker',
  start: startFlashclaim,
};
