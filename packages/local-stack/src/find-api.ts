import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from '@flashclaim/runtime';
import { readEnv } from './env.ts';
import { findHolder, lockFolder } from './folder-lock.ts';
import { DATA_FOLDER } from './start-apps.ts';

const CHECK_MAX_MS = 2_000;

/** Lets `findApi` find the API of this process, whatever its port. Where the folder can't be made, it does not. */
export const announceApi = async (dataDir: string, port: number): Promise<void> => {
  await lockFolder(join(dataDir, 'api'), () => ({ owner: process.pid, stopping: false, port })).catch(() => {});
};

/**
 * The base URL of the API of `npm start`: of the running one, else that of PORT and HOST.
 * @throws StartError if it does not answer.
 */
export const findApi = async (): Promise<string> => {
  const { PORT, HOST } = readEnv();
  const folder = join(DATA_FOLDER, 'api');
  const running = existsSync(folder) ? await findHolder(folder) : undefined;
  const url = `http://${addressOf(HOST)}:${running?.port ?? PORT}`;
  await fetch(`${url}/health`, { signal: AbortSignal.timeout(CHECK_MAX_MS) }).catch(() => {
    throw new StartError(`Nothing answers at ${url}: run npm start first, or name a server with --url URL.`);
  });
  return url;
};

/** The address at which a listener is reached; loopback if it listens on every address. */
export const addressOf = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
};
