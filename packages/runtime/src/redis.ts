import { HEALTH_CHECK_MS, REDIS_START_MAX_MS } from '@flashclaim/core';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { StartError } from './read-settings.ts';
import { withTimeout } from './with-timeout.ts';

/** Timeout of one attempt to connect. The default of ioredis is 10 s. */
const REDIS_CONNECT_MAX_MS = 2_000;

/** The longest pause between two attempts to reconnect. */
const REDIS_RECONNECT_MAX_MS = 500;

export type RedisConnection = Redis | Cluster;

/** Without `replyMapping`, which would change the results of commands. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/**
 * Connects to Redis, or to a Redis Cluster where `url` names several nodes separated by commas. Both have the same commands.
 * @throws StartError where an address can't be parsed. The message does not contain the address, because of its password.
 */
export const createRedis = (url: string, options: Options): RedisConnection => {
  try {
    return connect(url, options);
  } catch (error) {
    throw new StartError(`REDIS_URL can't be read: ${(error as Error).message}`);
  }
};

const connect = (url: string, options: Options): RedisConnection => {
  const shared = {
    // RESP2, because BullMQ is tested with it.
    protocol: 2,
    connectTimeout: REDIS_CONNECT_MAX_MS,
    // While Redis loads its data, it estimates the remaining time, and the estimate may be far too long.
    maxLoadingRetryTime: REDIS_RECONNECT_MAX_MS,
    ...options,
  } as const;
  const nodes = url.split(',');
  if (nodes.length === 1) return connectToAddress(url, shared);
  const { username, password, protocol } = new URL(nodes[0] as string);
  return new Cluster(nodes, {
    clusterRetryStrategy: reconnectPauseMs,
    // For two seconds after its start, a node reports that the cluster is down. With the ready check, ioredis would then drop the
    // pending `connect()` promise, and BullMQ would wait for it for ever.
    enableReadyCheck: false,
    // During those seconds commands are retried after this pause, up to 16 times.
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

const reconnectPauseMs = (times: number): number => Math.min(times * 50, REDIS_RECONNECT_MAX_MS);

/**
 * Connects to one address. A primary that became a replica keeps its connections, answers PING and refuses every write. So a
 * refused write makes ioredis reconnect, because the address may then lead to the new primary. BullMQ's own connections copy
 * these options.
 */
const connectToAddress = (url: string, options: Options): Redis => {
  let refusedAt = Number.NEGATIVE_INFINITY;
  const sinceRefusedMs = () => performance.now() - refusedAt;
  const connection: Redis = new Redis(url, {
    // The address may still lead to the replica, which accepts connections at once. So the pause after a refusal is the longest.
    retryStrategy: (times) =>
      sinceRefusedMs() < REDIS_RECONNECT_MAX_MS ? REDIS_RECONNECT_MAX_MS : reconnectPauseMs(times),
    reconnectOnError: (error) => {
      if (!isNoPrimary(error)) return false;
      // The error event is emitted once for each period of refusals, for all connections.
      const isFirst = sinceRefusedMs() > 2 * REDIS_RECONNECT_MAX_MS;
      refusedAt = performance.now();
      if (isFirst && connection.listenerCount('error') > 0) connection.emit('error', error);
      // The command did nothing. 2: reconnect and send it again. 1: only reconnect, because without an offline queue it can't wait.
      return options.enableOfflineQueue === false ? 1 : 2;
    },
    ...options,
  });
  // ioredis adds a socket listener for each refused write, so many writes in flight would print a warning of a leak.
  connection.on('connect', () => connection.stream.setMaxListeners(0));
  return connection;
};

/**
 * Whether the server is a replica. In the error of a script, READONLY is in the middle of the message. A blocking command fails
 * with UNBLOCKED; if BullMQ received that error, it would wait for ten seconds before it reads its queue again.
 */
const isNoPrimary = ({ message }: Error): boolean => /\b(READONLY|UNBLOCKED)\b/.test(message);

/**
 * Waits until Redis answers, and checks that it never evicts keys. In a Redis Cluster every node is checked, also replicas,
 * because each may become a primary. A node that does not answer is skipped, so that its failure does not prevent the start.
 * @throws StartError where Redis can't be reached in time, or evicts keys.
 */
export const readyRedis = async (redis: RedisConnection): Promise<void> => {
  if (redis.status !== 'ready') await becomesReady(redis);
  if (redis instanceof Cluster) await Promise.all(redis.nodes('all').map(askNode));
  else refuseEviction(redis, await redis.info('memory'));
};

const askNode = async (node: Redis): Promise<void> => {
  const memory = await withTimeout(HEALTH_CHECK_MS, node.info('memory')).catch(() => undefined);
  if (memory !== undefined) refuseEviction(node, memory);
};

const refuseEviction = ({ options: { host, port } }: Redis, memory: string): void => {
  const policy = /maxmemory_policy:(\S+)/.exec(memory)?.[1];
  if (policy !== 'noeviction')
    throw new StartError(
      `Redis on ${host}:${port} evicts keys (maxmemory-policy ${policy}), and would lose queued claims: ` +
        'set it to noeviction.',
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
