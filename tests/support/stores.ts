import { randomBytes } from 'node:crypto';
import { connectMongo, ensureCollections, type Mongo } from '@flashclaim/store';
import { Redis } from 'ioredis';
import { inject } from 'vitest';

/** Redis has numbered databases; the first one contains the counter of used ones. */
const REDIS_DATABASES = 511;

export interface TestStores {
  mongo: Mongo;
  redis: Redis;
  /** The environment of an app that uses these stores. */
  env: { MONGO_URI: string; MONGO_DB: string; REDIS_URL: string };
  close(): Promise<void>;
}

/** Opens a new database in MongoDB and one in Redis, for one test. */
export const openStores = (): Promise<TestStores> =>
  openStoresAt({ mongoUri: inject('mongoUri'), redisUrl: inject('redisUrl') });

/** The same on these servers, outside of tests. */
export const openStoresAt = async (servers: { mongoUri: string; redisUrl: string }): Promise<TestStores> => {
  const { mongoUri } = servers;
  const name = `test_${randomBytes(6).toString('hex')}`;
  const mongo = await connectMongo(mongoUri, name, {});
  await ensureCollections(mongo.db);

  const counter = new Redis(servers.redisUrl);
  const redisUrl = new URL(servers.redisUrl);
  redisUrl.pathname = `/${((await counter.incr('test-databases')) % REDIS_DATABASES) + 1}`;
  counter.disconnect();
  const redis = new Redis(redisUrl.href);
  await redis.flushdb();
  return {
    mongo,
    redis,
    env: { MONGO_URI: mongoUri, MONGO_DB: name, REDIS_URL: redisUrl.href },
    close: async () => {
      await mongo.db.dropDatabase();
      await mongo.client.close();
      await redis.flushdb();
      redis.disconnect();
    },
  };
};
