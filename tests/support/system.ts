import { join } from 'node:path';
import { findFreePort, type ProcessHandle, startProcess } from '@flashclaim/local-stack';
import { openStores, type TestStores } from './stores.ts';

const APPS = join(import.meta.dirname, '../../apps');

export interface System {
  stores: TestStores;
  /** Base URL of each API process. */
  urls: string[];
  apis: ProcessHandle[];
  workers: ProcessHandle[];
  close(): Promise<void>;
}

/** Starts the real thing: processes of the API and the worker on databases of their own. */
export const startSystem = async ({ apis = 1, workers = 1, env = {} } = {}): Promise<System> => {
  const stores = await openStores();
  const base = { ...process.env, ...stores.env, LOG_LEVEL: 'warn', ...env };
  const started = { apis: [] as ProcessHandle[], workers: [] as ProcessHandle[] };
  const urls: string[] = [];
  const close = async () => {
    const exits = await Promise.all([...started.apis, ...started.workers].map((handle) => handle.stop()));
    await stores.close();
    // A process that had to be killed held something open, or hung.
    const killed = exits.filter((exit) => exit.signal === 'SIGKILL').length;
    if (killed > 0) throw new Error(`${killed} processes did not stop on SIGTERM`);
  };
  try {
    for (let i = 0; i < workers; i++) started.workers.push(await startApp('worker/src/worker.ts', base));
    for (let i = 0; i < apis; i++) {
      const port = await findFreePort();
      started.apis.push(await startApp('api/src/server.ts', { ...base, PORT: String(port) }));
      urls.push(`http://127.0.0.1:${port}`);
    }
    await Promise.all(urls.map(untilHealthy));
  } catch (error) {
    await close();
    throw error;
  }
  return { stores, urls, ...started, close };
};

const startApp = (script: string, env: NodeJS.ProcessEnv): Promise<ProcessHandle> =>
  startProcess({ name: script, command: process.execPath, args: [join(APPS, script)], env });

const START_MAX_MS = 20_000;
const LOOK_EVERY_MS = 50;

const untilHealthy = async (url: string): Promise<void> => {
  const deadline = Date.now() + START_MAX_MS;
  while (Date.now() < deadline) {
    const ok = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  throw new Error(`${url} was not healthy within ${START_MAX_MS} ms`);
};
