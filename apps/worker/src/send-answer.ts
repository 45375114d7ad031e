import { answersChannel, type JobAnswer } from '@flashclaim/core';
import type { Logger, RedisConnection } from '@flashclaim/service';

/** What an answer needs on its way. */
export interface Post {
  redis: RedisConnection;
  log: Logger;
}

/** Sends a job's result to the process that waits for it. Nothing waits for that: where it gets lost, the API reads the job's record. */
export const sendAnswer = ({ redis, log }: Post, replyTo: string, answer: JobAnswer): void => {
  redis.publish(answersChannel(replyTo), JSON.stringify(answer)).catch((error: Error) => {
    log.warn(
      { job: answer.jobId, error: error.message },
      'an answer could not be sent; its API reads the record of the job',
    );
  });
};
