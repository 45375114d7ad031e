import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Stores, startStores } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import { forgetNamedStores } from './env.ts';

/** The bench's own MongoDB and Redis, and what keeps those who use them apart. */
export interface Stack {
  mongoUri: string;
  mongodPid: number;
  redisPid: number;
  versions: { mongod: string; redis: string };
  /** A database in each store that nobody has used. */
  newDatabases(): Promise<Databases>;
  stop(): Promise<void>;
}

interface Databases {
  mongoDb: string;
  redisUrl: string;
}

/** Redis has 512 numbered ones here. */
const REDIS_DATABASES_MAX = 511;

/** Starts both in a folder of their own, which goes with them. */
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
      // Nothing of the data is worth a clean stop.
      await stores.stop(0);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};

const ownServers = ({ mongo, redis }: Stores) => {
  if (!mongo || !redis) throw new Error('The bench was given stores of somebody else; it measures its own alone.');
  return { mongo, redis };
};
