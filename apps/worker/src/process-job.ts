import {
  answersChannel,
  type Claim,
  type ClaimJobResult,
  ClaimJobSchema,
  decodeJob,
  type JobAnswer,
} from '@flashclaim/core';
import type { Logger, RedisConnection } from '@flashclaim/service';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { type Job, UnrecoverableError } from 'bullmq';
import type { CommitGroup } from './commit-group.ts';
import { hideUsers } from './hide-users.ts';
import { noteUnheard } from './note-unheard.ts';
import { points } from './points.ts';

const claimJob = TypeCompiler.Compile(ClaimJobSchema);

const decode = (job: Job): Claim[] => {
  if (!claimJob.Check(job.data))
    throw new UnrecoverableError(`job ${job.id} is not a list of claims in version 1 or 2`);
  try {
    return decodeJob(job.data);
  } catch (error) {
    throw new UnrecoverableError(`job ${job.id} can't be read: ${(error as Error).message}`);
  }
};

const commitIn = async (group: CommitGroup, claims: readonly Claim[]): Promise<ClaimJobResult> => {
  try {
    return await group.add(claims);
  } catch (error) {
    throw hideUsers(error);
  }
};

interface Parts {
  group: CommitGroup;
  redis: RedisConnection;
  log: Logger;
}

/**
 * Runs one job of a lane: decide and commit, then reply. A refusal is a returned decision, never an exception: what throws
 * here is run again.
 * @throws UnrecoverableError on a payload that no version of this worker understands: running it again can't help.
 */
export const processJob = async ({ group, redis, log }: Parts, job: Job): Promise<ClaimJobResult> => {
  const claims = decode(job);
  points.take.publish({ lane: job.queueName, claims });
  const result = await commitIn(group, claims);
  log.debug({ job: job.id, claims: claims.length, attempt: job.attemptsMade + 1 }, 'job committed');

  // Not waited for, so that it travels together with the job's completion. An answer that gets lost is found with the job.
  const answer: JobAnswer = { jobId: job.id as string, result, committedAt: Date.now() };
  redis
    .publish(answersChannel(job.data.replyTo), JSON.stringify(answer))
    .then((heard) => (heard === 0 ? noteUnheard(redis, answer.jobId, claims, result) : undefined))
    .catch((error: Error) => {
      log.warn({ job: job.id, error: error.message }, 'an answer could not be sent; its API finds it with the job');
    });
  return result;
};
