import { REDIS_CONNECT_MAX_MS, REDIS_RECONNECT_MAX_MS, REDIS_START_MAX_MS } from '@flashclaim/core';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { StartError } from './read-settings.ts';

export type RedisConnection = Redis | Cluster;

/** `replyMapping` would change what commands resolve to. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/**
 * One Redis, or a Redis Cluster where `url` names several nodes separated by commas. Both take the same commands.
 * @throws StartError where an address can't be read. It is not shown: there may be a password in it.
 */
export const createRedis = (url: string, options: Options): RedisConnection => {
  try {
    return connect(url, options);
  } catch (error) {
    throw new StartError(`REDIS_URL can't be read: ${(error as Error).message}`);
  }
};

const connect = (url: string, options: Options): RedisConnection => {
  const retryStrategy = (times: number) => Math.min(times * 50, REDIS_RECONNECT_MAX_MS);
  const shared = {
    // RESP2: what BullMQ's own tests speak.
    protocol: 2,
    connectTimeout: REDIS_CONNECT_MAX_MS,
    // A Redis that reads its data says how long it thinks it needs, and may be wrong by far.
    maxLoadingRetryTime: REDIS_RECONNECT_MAX_MS,
    ...options,
  } as const;
  const nodes = url.split(',');
  if (nodes.length === 1) return new Redis(url, { retryStrategy, ...shared });
  const { username, password, protocol } = new URL(nodes[0] as string);
  return new Cluster(nodes, {
    clusterRetryStrategy: retryStrategy,
    // A node that has just started says for two seconds that the cluster is down. Who began a connection in that time, as BullMQ
    // does by itself, would never be told that it is there: ioredis makes another one, and forgets whom it promised the first.
    enableReadyCheck: false,
    // So commands wait instead, for 16 times as long at most.
    retryDelayOnClusterDown: REDIS_RECONNECT_MAX_MS,
    enableOfflineQueue: options.enableOfflineQueue ?? true,
    redisOptions: {
      ...shared,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: decodeURIComponent(password) }),
      ...(protocol === 'rediss:' && { tls: {} }),
    },
  });
};

/**
 * Waits until Redis answers, and makes sure that it forgets nothing by itself.
 * @throws StartError where it can't be reached in time or evicts keys under pressure.
 */
export const readyRedis = async (redis: RedisConnection): Promise<void> => {
  if (redis.status !== 'ready') await becomesReady(redis);
  const policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1];
  if (policy !== 'noeviction')
    throw new StartError(
      `Redis evicts keys (maxmemory-policy ${policy}), and would lose claims on their way: set it to noeviction.`,
    );
};

const becomesReady = (redis: RedisConnection): Promise<void> =>
  new Promise((resolve, reject) => {
    let last = 'no answer';
    const timer = setTimeout(() => {
      redis.off('error', remember);
      reject(new StartError(`Redis can't be reached at REDIS_URL within ${REDIS_START_MAX_MS} ms: ${last}`));
    }, REDIS_START_MAX_MS);
    const remember = (error: Error) => {
      last = error.message;
    };
    redis.on('error', remember);
    redis.once('ready', () => {
      clearTimeout(timer);
      redis.off('error', remember);
      resolve();
    });
  });
