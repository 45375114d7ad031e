import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStores } from '@flashclaim/local-stack';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    mongoUri: string;
    redisUrl: string;
  }
}

/** Starts one real MongoDB and one real Redis for the whole run. Each test file has its own database in both. */
export default async (project: TestProject) => {
  // Hundreds of processes start. Each would compile the same files, for half a second.
  process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-test-'));
  const stores = await startStores({ dataDir, log: (name, text) => console.log(`${name.padEnd(9)} ${text}`) });
  project.provide('mongoUri', stores.mongoUri);
  project.provide('redisUrl', stores.redisUrl);
  return async () => {
    await stores.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
};
