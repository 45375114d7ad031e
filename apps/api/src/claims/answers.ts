import { answersChannel, JOB_SILENCE_MS, type JobAnswer, REDIS_SILENCE_MAX_MS } from '@flashclaim/core';
import { createRedis, type Logger } from '@flashclaim/service';
import type { LaneJobs } from './lane-jobs.ts';

/**
 * Hears what became of this process's jobs, on a connection of its own that waits for Redis as long as it takes.
 * An answer that is published while it is away is gone: as soon as it is back, every job is looked at.
 * Resolves, once it listens, to the function that ends it.
 */
export const listenForAnswers = async (
  redisUrl: string,
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
  // Who only listens never notices that nobody is there any more.
  const timer = setInterval(() => {
    if (connection.status === 'ready') connection.ping().catch(() => {});
  }, JOB_SILENCE_MS);
  return () => {
    clearInterval(timer);
    connection.disconnect();
  };
};
