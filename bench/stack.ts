import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stores, startStores } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import { forgetNamedStores } from './env.ts';

/** The bench's own MongoDB and Redis, with separate databases for each system. */
export interface Stack {
  mongoUri: string;
  mongodPid: number;
  redisPid: number;
  versions: { mongod: string; redis: string };
  /** Returns an unused database in each store. */
  newDatabases(): Promise<Databases>;
  stop(): Promise<void>;
}

interface Databases {
  mongoDb: string;
  redisUrl: string;
}

/** Redis has 512 numbered databases here. */
const REDIS_DATABASES_MAX = 511;

/** Starts both in a temporary folder, which `stop` deletes. */
export const startStack = async (log: (name: string, text: string) => void): Promise<Stack> => {
  forgetNamedStores();
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-bench-'));
  const stores = await startStores({ dataDir, log });
  const { mongo, redis } = ownServers(stores);
  let used = 0;
  return {
    mongoUri: stores.mongoUri,
    mongodPid: mongo.pid,
    redisPid: redis.pid,
    versions: { mongod: mongo.version, redis: redis.version },
    newDatabases: async () => {
      used += 1;
      const redisUrl = `${stores.redisUrl}/${used % REDIS_DATABASES_MAX}`;
      const client = new Redis(redisUrl);
      await client.flushdb();
      client.disconnect();
      return { mongoDb: `bench_${used}`, redisUrl };
    },
    stop: async () => {
      // The data are not needed, so a clean stop is not needed either.
      await stores.stop(0);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

const ownServers = ({ mongo, redis }: Stores) => {
  if (!mongo || !redis) throw new Error('The bench measures only its own stores, but got others.');
  return { mongo, redis };
};
