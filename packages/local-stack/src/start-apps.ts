import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '@flashclaim/runtime';
import { environmentWith } from './env.ts';
import { describe } from './server.ts';
import { type ProcessHandle, startProcess } from './start-process.ts';
import type { Stores } from './start-stores.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

/** Where `npm start` keeps its data. */
export const DATA_FOLDER = join(ROOT, '.data');

const APPS = {
  API: join('apps', 'api', 'src', 'server.ts'),
  worker: join('apps', 'worker', 'src', 'worker.ts'),
} as const;

const HEALTHY_MAX_MS = 60_000;
const LOOK_EVERY_MS = 100;
const LOOK_MAX_MS = 2_000;

/**
 * How Node keeps the memory of an app. A young generation of 32 MiB: with 8, claims that wait are copied so often that they
 * cost an API a tenth to a fifth more. And garbage of the old one is collected when it makes two fifths of it: what is left is
 * small, so that costs little, and with 10,000 claims waiting it spares what the young one takes more.
 * Node takes both as arguments alone; the Dockerfile and docker-compose.yml have them, too.
 */
export const NODE_ARGUMENTS = ['--max-semi-space-size=32', '--heap-growing-percent=40'] as const;

/** Starts one of our own programs on the stores. It inherits the environment, and our output. */
export const startApp = (name: keyof typeof APPS, stores: Stores): Promise<ProcessHandle> =>
  startProcess({
    name: `The ${name}`,
    command: process.execPath,
    args: [...NODE_ARGUMENTS, APPS[name]],
    cwd: ROOT,
    env: environmentWith({ MONGO_URI: stores.mongoUri, REDIS_URL: stores.redisUrl }),
  });

/**
 * Waits until an API says that it is well.
 * @throws StartError where it does not in time.
 */
export const waitUntilHealthy = async (baseUrl: string): Promise<void> => {
  const deadline = performance.now() + HEALTHY_MAX_MS;
  let last = 'it does not answer';
  while (performance.now() < deadline) {
    try {
      const response = await fetch(`${baseUrl}/health`, { signal: AbortSignal.timeout(LOOK_MAX_MS) });
      if (response.status === 200) return;
      last = await response.text();
    } catch {
      // Nobody listens yet.
    }
    await sleep(LOOK_EVERY_MS);
  }
  throw new StartError(`The API was not well within ${HEALTHY_MAX_MS / 1000} s: ${last}`);
};

/** Rejects as soon as one of them ends, which nobody asked it to. */
export const whenOneEnds = async (processes: Pick<ProcessHandle, 'name' | 'exited'>[]): Promise<never> => {
  const ends = processes.map(async ({ name, exited }) => `${name} ended by itself (${describe(await exited)})`);
  throw new StartError(`${await Promise.race(ends)}.`);
};
