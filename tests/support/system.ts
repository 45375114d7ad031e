import { join } from 'node:path';
import {
  type Exit,
  findFreePort,
  type ProcessHandle,
  type ProcessOptions,
  startProcess,
} from '@flashclaim/local-stack';
import { openStores, type TestStores } from './stores.ts';
import { until } from './until.ts';

const APPS = join(import.meta.dirname, '../../apps');

export interface System {
  stores: TestStores;
  /** Base URL of each API process. */
  urls: string[];
  apis: ProcessHandle[];
  workers: ProcessHandle[];
  addWorker(): Promise<void>;
  close(): Promise<void>;
}

type Output = NonNullable<ProcessOptions['output']>;

export interface SystemOptions {
  apis?: number;
  workers?: number;
  env?: NodeJS.ProcessEnv;
  /** By default databases of their own in the stores of the whole run. Closed with the system. */
  stores?: TestStores;
  /** Where the processes write to; here by default. */
  output?: Output;
}

/** Starts the real thing: processes of the API and the worker on databases of their own. */
export const startSystem = async ({
  apis = 1,
  workers = 1,
  env = {},
  stores: given,
  output = 'inherit',
}: SystemOptions = {}): Promise<System> => {
  const stores = given ?? (await openStores());
  const base = { ...process.env, ...stores.env, LOG_LEVEL: 'warn', ...env };
  const started = { apis: [] as ProcessHandle[], workers: [] as ProcessHandle[] };
  const urls: string[] = [];
  const addWorker = async () => {
    started.workers.push(await startApp('worker/src/worker.ts', base, output));
  };
  const close = async () => {
    const exits = await Promise.all([...started.apis, ...started.workers].map(stop));
    await stores.close();
    // A process that had to be killed held something open, or hung.
    const killed = exits.filter((exit) => exit?.signal === 'SIGKILL').length;
    if (killed > 0) throw new Error(`${killed} processes did not stop on SIGTERM`);
  };
  try {
    for (let i = 0; i < workers; i++) await addWorker();
    for (let i = 0; i < apis; i++) {
      const port = await findFreePort();
      started.apis.push(await startApp('api/src/server.ts', { ...base, PORT: String(port) }, output));
      urls.push(`http://127.0.0.1:${port}`);
    }
    await Promise.all(urls.map((url) => until(() => isHealthy(url))));
  } catch (error) {
    await close();
    throw error;
  }
  return { stores, urls, ...started, addWorker, close };
};

const startApp = (script: string, env: NodeJS.ProcessEnv, output: Output): Promise<ProcessHandle> =>
  startProcess({ name: script, command: process.execPath, args: [join(APPS, script)], env, output });

/** Resolves to how it ended, or to undefined where the test had ended it before. */
const stop = async (handle: ProcessHandle): Promise<Exit | undefined> => {
  const ended = await Promise.race([handle.exited, Promise.resolve(undefined)]);
  return ended ? undefined : handle.stop();
};

const isHealthy = (url: string): Promise<boolean> =>
  fetch(`${url}/health`).then(
    (response) => response.ok,
    () => false,
  );
