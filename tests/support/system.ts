import { join } from 'node:path';
import {
  type Exit,
  findFreePort,
  type ProcessHandle,
  type ProcessOptions,
  startProcess,
} from '@flashclaim/local-stack';
import { CLOCK_FILE } from './process-clock.ts';
import { openStores, type TestStores } from './stores.ts';
import { until } from './until.ts';

const APPS = join(import.meta.dirname, '../../apps');
const SHIFT_CLOCK = join(import.meta.dirname, 'shift-clock.ts');

/** Longer than a busy machine takes to decide a claim, or to start the worker that does. */
const WAIT_MS = 20_000;

export interface System {
  stores: TestStores;
  /** Base URL of each API process. */
  urls: string[];
  /** The URLs of each worker's health and metrics, once it listens. */
  workerUrls: string[];
  apis: ProcessHandle[];
  workers: ProcessHandle[];
  /** Starts a worker with additional settings; those of a `ProcessClock` shift its wall clock. */
  addWorker(env?: NodeJS.ProcessEnv): Promise<ProcessHandle>;
  /** Starts an API process. Resolves to its base URL. */
  addApi(env?: NodeJS.ProcessEnv): Promise<string>;
  close(): Promise<void>;
}

type Output = NonNullable<ProcessOptions['output']>;

export interface SystemOptions {
  apis?: number;
  workers?: number;
  /** Additional settings for every app. */
  env?: NodeJS.ProcessEnv;
  /** The folder of the apps; by default the real ones. */
  apps?: string;
  /** By default new databases in the stores of the whole run. Closed with the system. */
  stores?: TestStores;
  /** Output of the processes; by default that of this process. */
  output?: Output;
}

/** Starts real processes of the API and the worker on new databases. */
export const startSystem = async (options: SystemOptions = {}): Promise<System> => {
  const { apis = 1, workers = 1, env = {}, apps = APPS, output = 'inherit' } = options;
  const stores = options.stores ?? (await openStores());
  const base = { ...process.env, ...stores.env, LOG_LEVEL: 'warn', CLAIM_WAIT_MS: `${WAIT_MS}`, ...env };
  const started = { apis: [] as ProcessHandle[], workers: [] as ProcessHandle[] };
  const urls: string[] = [];
  const workerUrls: string[] = [];
  const start = (script: string, more: NodeJS.ProcessEnv): Promise<ProcessHandle> => {
    const args = [...(CLOCK_FILE in more ? ['--import', SHIFT_CLOCK] : []), join(apps, script)];
    const program = { name: script, command: process.execPath, args };
    return startProcess({ ...program, env: { ...base, ...more }, output });
  };
  const addWorker = async (more: NodeJS.ProcessEnv = {}) => {
    const port = await findFreePort();
    const worker = await start('worker/src/worker.ts', { WORKER_PORT: String(port), ...more });
    started.workers.push(worker);
    workerUrls.push(`http://127.0.0.1:${port}`);
    return worker;
  };
  const addApi = async (more: NodeJS.ProcessEnv = {}) => {
    const port = await findFreePort();
    started.apis.push(await start('api/src/server.ts', { ...more, PORT: String(port) }));
    const url = `http://127.0.0.1:${port}`;
    urls.push(url);
    await until(() => isHealthy(url));
    return url;
  };
  const close = async () => {
    const exits = await Promise.all([...started.apis, ...started.workers].map(stop));
    await stores.close();
    // A killed process had kept something open, or hung.
    const killed = exits.filter((exit) => exit?.signal === 'SIGKILL').length;
    if (killed > 0) throw new Error(`${killed} processes did not stop on SIGTERM`);
  };
  try {
    for (let i = 0; i < workers; i++) await addWorker();
    for (let i = 0; i < apis; i++) await addApi();
  } catch (error) {
    await close();
    throw error;
  }
  return { stores, urls, workerUrls, ...started, addWorker, addApi, close };
};

/** Stops a process. Resolves to its exit, or to undefined if it had ended before. */
const stop = async (handle: ProcessHandle): Promise<Exit | undefined> => {
  const ended = await Promise.race([handle.exited, Promise.resolve(undefined)]);
  return ended ? undefined : handle.stop();
};

const isHealthy = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    (response) => response.ok,
    () => false,
  );
