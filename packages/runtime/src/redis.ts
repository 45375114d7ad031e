import { HEALTH_CHECK_MS, REDIS_START_MAX_MS } from '@flashclaim/core';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { StartError } from './read-settings.ts';
import { withTimeout } from './with-timeout.ts';

/** Timeout of one attempt to connect. The default of ioredis is 10 s. */
const REDIS_CONNECT_MAX_MS = 2_000;

/** The longest pause between two attempts to reconnect. */
const REDIS_RECONNECT_MAX_MS = 500;

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
  const shared = {
    // RESP2: what BullMQ's own tests speak.
    protocol: 2,
    connectTimeout: REDIS_CONNECT_MAX_MS,
    // A Redis that reads its data says how long it thinks it needs, and may be wrong by far.
    maxLoadingRetryTime: REDIS_RECONNECT_MAX_MS,
    ...options,
  } as const;
  const nodes = url.split(',');
  if (nodes.length === 1) return connectToAddress(url, shared);
  const { username, password, protocol } = new URL(nodes[0] as string);
  return new Cluster(nodes, {
    clusterRetryStrategy: reconnectPauseMs,
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

const reconnectPauseMs = (times: number): number => Math.min(times * 50, REDIS_RECONNECT_MAX_MS);

/**
 * A primary that became a replica keeps its connections, answers PING on them and refuses every write. So a refused write
 * makes the connection anew: by then the address may lead to the new primary. BullMQ's own connections copy these options.
 */
const connectToAddress = (url: string, options: Options): Redis => {
  let refusedAt = Number.NEGATIVE_INFINITY;
  const sinceRefusedMs = () => performance.now() - refusedAt;
  const connection: Redis = new Redis(url, {
    // The address may lead to the replica for a while, and each connection to it is made in a moment: the longest pause then.
    retryStrategy: (times) =>
      sinceRefusedMs() < REDIS_RECONNECT_MAX_MS ? REDIS_RECONNECT_MAX_MS : reconnectPauseMs(times),
    reconnectOnError: (error) => {
      if (!isNoPrimary(error)) return false;
      // Told once, for all connections and for as long as it lasts.
      const isNews = sinceRefusedMs() > 2 * REDIS_RECONNECT_MAX_MS;
      refusedAt = performance.now();
      if (isNews && connection.listenerCount('error') > 0) connection.emit('error', error);
      // Nothing was done, so it can be sent again (2), unless nobody waits for the new connection (1).
      return options.enableOfflineQueue === false ? 1 : 2;
    },
    ...options,
  });
  // ioredis adds a listener to the socket for each write that is refused: many in flight are no leak.
  connection.on('connect', () => connection.stream.setMaxListeners(0));
  return connection;
};

/**
 * Of a script, it stands in the middle of its error. Commands that block are told UNBLOCKED: where BullMQ hears of that, it
 * waits for ten seconds before it looks at its queue again.
 */
const isNoPrimary = ({ message }: Error): boolean => /\b(READONLY|UNBLOCKED)\b/.test(message);

/**
 * Waits until Redis answers, and makes sure that it forgets nothing by itself. Of a Redis Cluster every node is asked, replicas
 * too: each may become a primary. One that does not answer now is left out, so that its failure keeps nobody from starting.
 * @throws StartError where it can't be reached in time or evicts keys under pressure.
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
      `Redis on ${host}:${port} evicts keys (maxmemory-policy ${policy}), and would lose claims on their way: ` +
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
