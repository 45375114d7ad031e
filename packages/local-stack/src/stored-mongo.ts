import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findBinary } from './binaries/find-binary.ts';
import { mongod } from './binaries/mongod.ts';
import { readEnv } from './env.ts';
import { findHolder } from './folder-lock.ts';
import { mongoUri, startMongo } from './mongo-server.ts';
import { DATA_FOLDER } from './start-apps.ts';

export interface StoredMongo {
  uri: string;
  /** Whether another process runs it; otherwise it runs until `stop`. */
  running: boolean;
  stop(): Promise<void>;
}

/**
 * Returns the MongoDB of a data folder, by default that of `npm start`. Starts it if it does not run.
 * Resolves to undefined if the folder has no data.
 * @throws StartError if it can't be started.
 */
export const openStoredMongo = async (dataDir = DATA_FOLDER): Promise<StoredMongo | undefined> => {
  const folder = join(dataDir, 'mongo');
  if (!existsSync(folder)) return undefined;
  const holder = await findHolder(folder);
  if (holder?.port !== undefined && !holder.stopping)
    return { uri: mongoUri(holder.port), running: true, stop: async () => {} };
  const server = await startMongo(await findBinary(mongod, readEnv(), () => {}), { dataDir });
  return { uri: mongoUri(server.port), running: false, stop: () => server.stop() };
};
