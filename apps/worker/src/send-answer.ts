import { answersChannel, decodeJob, type JobAnswer } from '@flashclaim/core';
import type { Logger, RedisConnection } from '@flashclaim/service';
import type { Job } from 'bullmq';
import { noteUnheard } from './note-unheard.ts';

/** What an answer needs on its way. */
export interface Post {
  redis: RedisConnection;
  log: Logger;
}

/** Tells the process that waits for a job what became of it. Nobody waits for that: an answer that gets lost is found with the job. */
export const sendAnswer = ({ redis, log }: Post, job: Job, answer: Omit<JobAnswer, 'jobId'>): void => {
  const jobId = job.id as string;
  redis
    .publish(answersChannel(job.data.replyTo), JSON.stringify({ jobId, ...answer }))
    .then((heard) => (heard === 0 ? noteUnheard(redis, jobId, decodeJob(job.data), answer.result) : undefined))
    .catch((error: Error) => {
      log.warn({ job: jobId, error: error.message }, 'an answer could not be sent; its API finds it with the job');
    });
};
