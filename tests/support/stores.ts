import { randomBytes } from 'node:crypto';
import { connectMongo, ensureCollections, type Mongo } from '@flashclaim/store';
import { Redis } from 'ioredis';
import { inject } from 'vitest';

/** Redis has numbered databases; the first holds the count of those given out. */
const REDIS_DATABASES = 511;

export interface TestStores {
  mongo: Mongo;
  redis: Redis;
  /** What an app needs in its environment to use these and no others. */
  env: { MONGO_URI: string; MONGO_DB: string; REDIS_URL: string };
  close(): Promise<void>;
}

/** A database that no other test uses, in MongoDB and in Redis. */
export const openStores = (): Promise<TestStores> =>
  openStoresAt({ mongoUri: inject('mongoUri'), redisUrl: inject('redisUrl') });

/** The same in these servers, for who is no test. */
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
