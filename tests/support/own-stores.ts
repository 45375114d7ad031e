import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerHandle, type StoresOptions, startStores } from '@flashclaim/local-stack';
import { connectMongo } from '@flashclaim/store';
import { Redis } from 'ioredis';
import { type Cable, openCable } from './cable.ts';
import type { TestStores } from './stores.ts';

/**
 * Stores that a test has for itself, so that it may kill, stop and unplug them. The test's own connections go past the cables.
 * MongoDB takes fail channels.
 */
export interface OwnStores extends TestStores {
  servers: { redis: ServerHandle; mongo: ServerHandle };
  cables: { redis: Cable; mongo: Cable };
  /** Holds the data of Redis. */
  redisFolder: string;
}

export const openOwnStores = async (
  options: Pick<StoresOptions, 'redisArgs' | 'redisPort'> = {},
): Promise<OwnStores> => {
  // The servers that the environment names are somebody else's.
  delete process.env['MONGO_URI'];
  delete process.env['REDIS_URL'];
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-faults-'));
  const { mongoUri, redisUrl, ...started } = await startStores({ dataDir, testCommands: true, ...options });
  const servers = { redis: started.redis as ServerHandle, mongo: started.mongo as ServerHandle };
  const cables = { redis: await openCable(servers.redis.port), mongo: await openCable(servers.mongo.port) };
  const name = 'faults';
  const mongo = await connectMongo(mongoUri, name, {});
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
  return {
    servers,
    cables,
    redisFolder: join(dataDir, 'redis'),
    mongo,
    redis,
    env: {
      // Not by the name of the replica set: it would tell the server's own port.
      MONGO_URI: `mongodb://127.0.0.1:${cables.mongo.port}/?directConnection=true`,
      MONGO_DB: name,
      REDIS_URL: `redis://127.0.0.1:${cables.redis.port}`,
    },
    close: async () => {
      for (const cable of Object.values(cables)) cable.close();
      redis.disconnect();
      await mongo.client.close();
      await started.stop(0);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
