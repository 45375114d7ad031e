import { resolve } from 'node:path';
import { findBinary } from './binaries/find-binary.ts';
import { mongod } from './binaries/mongod.ts';
import { redisServer } from './binaries/redis-server.ts';
import { readEnv } from './env.ts';
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
  // One after the other, because downloads print their progress.
  const mongodBinary = env.MONGO_URI === undefined ? await findBinary(mongod, env, log) : undefined;
  const redisBinary = env.REDIS_URL === undefined ? await findBinary(redisServer, env, log) : undefined;
  const { mongoPort, redisPort, redisArgs, testCommands } = options;
  const [mongo, redis] = await startBoth(
    mongodBinary && (() => startMongo(mongodBinary, { dataDir, port: mongoPort, testCommands })),
    redisBinary && (() => startRedis(redisBinary, { dataDir, port: redisPort, args: redisArgs })),
  );
  for (const [server, binary] of [
    [mongo, mongodBinary],
    [redis, redisBinary],
  ] as const)
    if (server && binary) log(server.name, `${binary.version} on 127.0.0.1:${server.port}, from ${binary.from}`);
  return {
    mongoUri: mongo ? mongoUri(mongo.port) : (env.MONGO_URI as string),
    redisUrl: redis ? redisUrl(redis.port) : (env.REDIS_URL as string),
    ...(mongo && { mongo }),
    ...(redis && { redis }),
    stop: async (graceMs) => void (await Promise.all([mongo?.stop(graceMs), redis?.stop(graceMs)])),
  };
};

type Start = (() => Promise<ServerHandle>) | undefined;

/** Starts them side by side. If one does not start, stops the other. */
const startBoth = async (...starts: [Start, Start]): Promise<(ServerHandle | undefined)[]> => {
  const results = await Promise.allSettled(starts.map((start) => start?.()));
  const failed = results.find((result) => result.status === 'rejected');
  const started = results.map((result) => (result.status === 'fulfilled' ? result.value : undefined));
  if (!failed) return started;
  await Promise.all(started.map((server) => server?.stop()));
  throw failed.reason;
};
