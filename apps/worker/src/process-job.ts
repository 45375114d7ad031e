import {
  type Claim,
  type ClaimJobResult,
  ClaimJobSchema,
  decodeJob,
  holdsRefusal,
  JOB_LOCK_MS,
} from '@flashclaim/core';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { type Job, UnrecoverableError } from 'bullmq';
import type { CommitGroup } from './commit-group.ts';
import { hideUsers } from './hide-users.ts';
import { points } from './points.ts';
import { type Post, sendAnswer } from './send-answer.ts';

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

/** Nobody else gets a job before its lock can have run out. After that only Redis knows whether the lock was renewed. */
const holds = async (job: Job, token: string): Promise<boolean> =>
  Date.now() < (job.processedOn ?? 0) + JOB_LOCK_MS || (await job.extendLock(token, JOB_LOCK_MS)) === 1;

interface Parts extends Post {
  group: CommitGroup;
}

/**
 * Runs one job of a lane: decide and commit, then reply. A refusal is a returned decision, never an exception: what throws
 * here is run again.
 * @throws UnrecoverableError on a payload that no version of this worker understands: running it again can't help.
 */
export const processJob = async ({ group, ...post }: Parts, job: Job, token: string): Promise<ClaimJobResult> => {
  const claims = decode(job);
  points.take.publish({ lane: job.queueName, claims });
  const result = await group
    .add(claims, () => holds(job, token))
    .catch((error: unknown) => {
      throw hideUsers(error);
    });
  post.log.debug({ job: job.id, claims: claims.length, attempt: job.attemptsMade + 1 }, 'job committed');
  // What was granted stands: its answer travels together with the job's completion.
  if (!holdsRefusal(result)) sendAnswer(post, job, { result, committedAt: Date.now() });
  return result;
};

/**
 * Replies once the job's completion is recorded, where that had to wait: until then the job may run again, and decide anew.
 * Had its callers been refused by this run, and the next one granted (a coupon was created in between), somebody would hold
 * a unit who was told otherwise. A run that lost its job never gets here.
 */
export const jobCompleted = (post: Post, job: Job, result: ClaimJobResult): void => {
  if (holdsRefusal(result)) sendAnswer(post, job, { result, committedAt: job.finishedOn ?? Date.now() });
};
