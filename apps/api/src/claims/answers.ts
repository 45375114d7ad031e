import { ANSWER_TIMEOUT_MS, REDIS_SILENCE_MAX_MS } from '@flashclaim/core';
import { answersChannel } from '@flashclaim/lanes';
import { createRedis, type Logger, type RedisConnection } from '@flashclaim/runtime';
import { Cluster } from 'ioredis';
import type { ClaimPath } from './claim-path.ts';

export interface AnswersOptions {
  redisUrl: string;
  /** The connection that enqueues jobs. */
  commands: RedisConnection;
  claimPath: Pick<ClaimPath, 'processId' | 'receive' | 'recover'>;
  log: Pick<Logger, 'warn'>;
}

/**
 * Subscribes to the answers to this process's jobs, on a connection of its own. Redis keeps no message for a subscriber that is
 * not connected: after each reconnect, the jobs in flight are checked.
 *
 * A subscriber never learns that its server is no longer the primary. So it reconnects when `commands`, the connection that
 * writes, has reconnected: the address may lead to another server now. In a Redis Cluster every node gets every answer.
 * Resolves, once it is subscribed, to the function that closes it.
 */
export const subscribeToAnswers = async ({
  redisUrl,
  commands,
  claimPath,
  log,
}: AnswersOptions): Promise<() => void> => {
  const connection = createRedis(redisUrl, { maxRetriesPerRequest: null, socketTimeout: REDIS_SILENCE_MAX_MS });
  connection.on('error', (error: Error) =>
    log.warn({ error: error.message }, 'the connection for answers is broken; it reconnects by itself'),
  );
  connection.on('message', (_channel: string, message: string) => claimPath.receive(message));
  await connection.subscribe(answersChannel(claimPath.processId));
  connection.on('ready', () => claimPath.recover());
  let isOutdated = false;
  const check = () => {
    if (connection.status !== 'ready') return;
    if (isOutdated) connection.disconnect(true);
    // A subscriber sends nothing, so it would never notice that its server is gone.
    else connection.ping().catch(() => {});
    isOutdated = false;
  };
  const renew = () => {
    isOutdated = true;
    check();
  };
  if (!(commands instanceof Cluster)) commands.on('ready', renew);
  const timer = setInterval(check, ANSWER_TIMEOUT_MS);
  return () => {
    clearInterval(timer);
    commands.off('ready', renew);
    connection.disconnect();
  };
};
