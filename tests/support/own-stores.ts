import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerHandle, type StoresOptions, startStores } from '@flashclaim/local-stack';
import { connectMongo } from '@flashclaim/store';
import { Redis } from 'ioredis';
import type { TestStores } from './stores.ts';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/**
 * Stores for one test, which may kill, stop and disconnect them. The test's own connections do not use the proxies.
 * MongoDB accepts fail points.
 */
export interface OwnStores extends TestStores {
  servers: { redis: ServerHandle; mongo: ServerHandle };
  proxies: { redis: TcpProxy; mongo: TcpProxy };
  /** Contains the data of Redis. */
  redisFolder: string;
}

export const openOwnStores = async (
  options: Pick<StoresOptions, 'redisArgs' | 'redisPort'> = {},
): Promise<OwnStores> => {
  // Never use the servers that the environment names.
  delete process.env['MONGO_URI'];
  delete process.env['REDIS_URL'];
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-faults-'));
  const { mongoUri, redisUrl, ...started } = await startStores({ dataDir, testCommands: true, ...options });
  const servers = { redis: started.redis as ServerHandle, mongo: started.mongo as ServerHandle };
  const proxies = { redis: await openTcpProxy(servers.redis.port), mongo: await openTcpProxy(servers.mongo.port) };
  const name = 'faults';
  const mongo = await connectMongo(mongoUri, name, {});
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  redis.on('error', () => {});
  return {
    servers,
    proxies,
    redisFolder: join(dataDir, 'redis'),
    mongo,
    redis,
    env: {
      // Without the name of the replica set: with it, the driver would find the server's own port.
      MONGO_URI: `mongodb://127.0.0.1:${proxies.mongo.port}/?directConnection=true`,
      MONGO_DB: name,
      REDIS_URL: `redis://127.0.0.1:${proxies.redis.port}`,
    },
    close: async () => {
      for (const proxy of Object.values(proxies)) proxy.close();
      redis.disconnect();
      await mongo.client.close();
      await started.stop(0);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
