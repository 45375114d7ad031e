import { resolve } from 'node:path';
import { findBinary } from './binaries/find-binary.ts';
import { mongod } from './binaries/mongod.ts';
import { redisServer } from './binaries/redis-server.ts';
import { type Env, readEnv } from './env.ts';
import type { Log } from './log.ts';
import { mongoUri, startMongo } from './mongo-server.ts';
import { redisUrl, startRedis } from './redis-server.ts';
import type { ServerHandle } from './server.ts';

export interface StoresOptions {
  /** Contains `mongo/`, `redis/` and their logs; created if missing. One process at a time may use it. */
  dataDir: string;
  log?: Log;
  /** Fixed ports; free ones by default. */
  mongoPort?: number;
  redisPort?: number;
  /** Lets tests set fail points in MongoDB. */
  testCommands?: boolean;
  /** More arguments for Redis, for example to make it a node of a cluster. */
  redisArgs?: readonly string[];
}

export interface Stores {
  mongoUri: string;
  redisUrl: string;
  /** Missing if `MONGO_URI` is set. */
  mongo?: ServerHandle;
  /** Missing if `REDIS_URL` is set. */
  redis?: ServerHandle;
  /** Stops the servers that were started here. */
  stop(graceMs?: number): Promise<void>;
}

/**
 * Returns a real MongoDB and a real Redis: those of `MONGO_URI` and `REDIS_URL`, or starts its own.
 * @throws StartError if one is missing or does not start; then it stops the other.
 */
export const startStores = async (options: StoresOptions): Promise<Stores> => {
  const env = readEnv();
  const log = options.log ?? (() => {});
  const dataDir = resolve(options.dataDir);
  const mongo = await ownMongo(env, { ...options, dataDir, log });
  let redis: ServerHandle | undefined;
  try {
    redis = await ownRedis(env, { ...options, dataDir, log });
  } catch (error) {
    await mongo?.stop();
    throw error;
  }
  return {
    mongoUri: mongo ? mongoUri(mongo.port) : (env.MONGO_URI as string),
    redisUrl: redis ? redisUrl(redis.port) : (env.REDIS_URL as string),
    ...(mongo && { mongo }),
    ...(redis && { redis }),
    stop: async (graceMs) => void (await Promise.all([mongo?.stop(graceMs), redis?.stop(graceMs)])),
  };
};

type Resolved = StoresOptions & { log: Log };

const ownMongo = async (env: Env, { dataDir, mongoPort, testCommands, log }: Resolved) => {
  if (env.MONGO_URI !== undefined) return undefined;
  const binary = await findBinary(mongod, env, log);
  const server = await startMongo(binary, { dataDir, port: mongoPort, testCommands });
  log(mongod.name, `${binary.version} (${binary.from}) ready on 127.0.0.1:${server.port}`);
  return server;
};

const ownRedis = async (env: Env, { dataDir, redisPort, redisArgs, log }: Resolved) => {
  if (env.REDIS_URL !== undefined) return undefined;
  const binary = await findBinary(redisServer, env, log);
  const server = await startRedis(binary, { dataDir, port: redisPort, args: redisArgs });
  log(redisServer.name, `${binary.version} (${binary.from}) ready on 127.0.0.1:${server.port}`);
  return server;
};
