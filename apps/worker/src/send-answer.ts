import type { JobAnswer } from '@flashclaim/core';
import { answersChannel } from '@flashclaim/lanes';
import type { Logger, RedisConnection } from '@flashclaim/runtime';

export interface AnswerParts {
  redis: RedisConnection;
  log: Logger;
}

/** Publishes a job's result to the API process that waits for it. Where the message is lost, that process reads the job's record. */
export const sendAnswer = ({ redis, log }: AnswerParts, replyTo: string, answer: JobAnswer): void => {
  redis.publish(answersChannel(replyTo), JSON.stringify(answer)).catch((error: Error) => {
    log.warn(
      { job: answer.jobId, error: error.message },
      'an answer could not be published; the API reads the job record instead',
    );
  });
};
