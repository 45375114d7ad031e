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
const CHECK_EVERY_MS = 100;
const CHECK_MAX_MS = 2_000;

/**
 * Memory settings of Node for an app. A young generation of 32 MiB: with 8, waiting claims are copied so often that an API
 * works 10 to 20 % more. The old generation is collected when it has grown by 40 %: it is small, so this is cheap, and
 * with 10,000 waiting claims it saves the memory that the larger young generation needs.
 * Node accepts both as arguments only. The Dockerfile and docker-compose.yml have the same values.
 */
export const NODE_ARGUMENTS = ['--max-semi-space-size=32', '--heap-growing-percent=40'] as const;

/** Starts an app with these stores. It inherits the environment and the output. */
export const startApp = (name: keyof typeof APPS, stores: Stores): Promise<ProcessHandle> =>
  startProcess({
    name: `The ${name}`,
    command: process.execPath,
    args: [...NODE_ARGUMENTS, APPS[name]],
    cwd: ROOT,
    env: environmentWith({
      MONGO_URI: stores.mongoUri,
      REDIS_URL: stores.redisUrl,
      // Read already. An app does not start where both are set.
      MONGO_URI_FILE: '',
      REDIS_URL_FILE: '',
    }),
  });

/**
 * Waits until the health check of an API succeeds.
 * @throws StartError after a minute.
 */
export const waitUntilHealthy = async (baseUrl: string): Promise<void> => {
  const deadline = performance.now() + HEALTHY_MAX_MS;
  let last = 'it does not answer';
  while (performance.now() < deadline) {
    try {
      const response = await fetch(`${baseUrl}/health`, { signal: AbortSignal.timeout(CHECK_MAX_MS) });
      if (response.status === 200) return;
      last = await response.text();
    } catch {
      // The API does not listen yet.
    }
    await sleep(CHECK_EVERY_MS);
  }
  throw new StartError(`The API was not healthy within ${HEALTHY_MAX_MS / 1000} s: ${last}`);
};

/** Rejects as soon as one of these processes ends. */
export const whenOneEnds = async (processes: Pick<ProcessHandle, 'name' | 'exited'>[]): Promise<never> => {
  const ends = processes.map(async ({ name, exited }) => `${name} ended unexpectedly (${describe(await exited)})`);
  throw new StartError(`${await Promise.race(ends)}.`);
};
