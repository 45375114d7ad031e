import { laneName, lanePrefix, ONE_AT_A_TIME_EVERY_MS, ONE_AT_A_TIME_SILENT_INTERVALS_MAX } from '@flashclaim/core';
import type { Logger, RedisConnection } from '@flashclaim/service';
import { Queue } from 'bullmq';

/**
 * Keeps every lane at one job at a time in the whole cluster. BullMQ keeps that setting in Redis, where it is gone with
 * everything else when Redis starts empty or is flushed; until it is back, transactions of a coupon may conflict, which is
 * slow and harmless. So it is said again at once when Redis is back, and regularly. Where that meets nothing but silence,
 * the connection is made anew: a server that vanished never closes it. BullMQ looks after its blocking connections itself.
 * Resolves, once it is said for the first time, to the function that ends it.
 */
export const keepOneAtATime = async (
  lanes: readonly number[],
  redis: RedisConnection,
  log: Pick<Logger, 'warn'>,
): Promise<() => Promise<void>> => {
  const queues = lanes.map((lane) => {
    const queue = new Queue(laneName(lane), { connection: redis, prefix: lanePrefix(lane) });
    // The connection reports its own trouble.
    queue.on('error', () => {});
    return queue;
  });
  const sayAll = () => Promise.all(queues.map((queue) => queue.setGlobalConcurrency(1)));
  await sayAll();

  let saying = false;
  let silentIntervals = 0;
  const sayAgain = async (): Promise<void> => {
    // While Redis is away, what is said would wait in line, and once is enough.
    if (saying || redis.status !== 'ready') return;
    saying = true;
    await sayAll().catch((error: Error) =>
      log.warn({ error: error.message }, 'lanes could not be told to run one job at a time; they are told again'),
    );
    saying = false;
    silentIntervals = 0;
  };
  const timer = setInterval(() => {
    void sayAgain();
    // `connect` is a connection that was made and says nothing since.
    const silent = redis.status === 'ready' || redis.status === 'connect';
    if (!silent || ++silentIntervals <= ONE_AT_A_TIME_SILENT_INTERVALS_MAX) return;
    silentIntervals = 0;
    log.warn('Redis does not answer; connecting anew');
    redis.disconnect(true);
  }, ONE_AT_A_TIME_EVERY_MS);
  redis.on('ready', sayAgain);
  return async () => {
    clearInterval(timer);
    redis.off('ready', sayAgain);
    await Promise.all(queues.map((queue) => queue.close()));
  };
};
