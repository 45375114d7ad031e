import { answersChannel, JOB_SILENCE_MS, type JobAnswer, REDIS_SILENCE_MAX_MS } from '@flashclaim/core';
import { createRedis, type Logger, type RedisConnection } from '@flashclaim/service';
import { Cluster } from 'ioredis';
import type { LaneJobs } from './lane-jobs.ts';

/**
 * Hears what became of this process's jobs, on a connection of its own that waits for Redis as long as it takes.
 * An answer that is published while it is away is gone: as soon as it is back, every job is looked at.
 *
 * A connection that only listens never learns that its server is no longer the primary. So it reconnects when `commands`, the
 * connection that writes, did: the address may lead to another server now. In a Redis Cluster every node gets every answer.
 * Resolves, once it listens, to the function that ends it.
 */
export const listenForAnswers = async (
  redisUrl: string,
  commands: RedisConnection,
  jobs: LaneJobs,
  log: Pick<Logger, 'warn'>,
): Promise<() => void> => {
  const connection = createRedis(redisUrl, { maxRetriesPerRequest: null, socketTimeout: REDIS_SILENCE_MAX_MS });
  connection.on('error', (error: Error) =>
    log.warn({ error: error.message }, 'answers can not be heard; it goes on by itself'),
  );
  connection.on('message', (_channel: string, message: string) => {
    try {
      const { jobId, result, committedAt } = JSON.parse(message) as JobAnswer;
      jobs.answer(jobId, result, committedAt);
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'an answer can not be read; its job is looked at');
    }
  });
  await connection.subscribe(answersChannel(jobs.processId));
  connection.on('ready', () => jobs.checkUnanswered(0));
  let outdated = false;
  const check = () => {
    if (connection.status !== 'ready') return;
    if (outdated) connection.disconnect(true);
    // A connection that only listens never notices that its server is gone.
    else connection.ping().catch(() => {});
    outdated = false;
  };
  const renew = () => {
    outdated = true;
    check();
  };
  if (!(commands instanceof Cluster)) commands.on('ready', renew);
  const timer = setInterval(check, JOB_SILENCE_MS);
  return () => {
    clearInterval(timer);
    commands.off('ready', renew);
    connection.disconnect();
  };
};
