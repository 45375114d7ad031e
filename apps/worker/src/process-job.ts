import {
  type ClaimJob,
  ClaimJobSchema,
  decodeJob,
  JOB_RETRY_PAUSE_MS,
  type Job,
  JobRejectedError,
} from '@flashclaim/core';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { type Job as QueuedJob, UnrecoverableError } from 'bullmq';
import type { CommitGroup } from './commit-group.ts';
import { hideUsers } from './hide-users.ts';
import { points } from './points.ts';
import { type Post, sendAnswer } from './send-answer.ts';

const claimJob = TypeCompiler.Compile(ClaimJobSchema);

/** @throws JobRejectedError where the payload is none that this version of the worker reads. */
const decode = ({ id, data }: QueuedJob): Job => {
  if (!claimJob.Check(data))
    throw new JobRejectedError(`job ${id} is ${whatIs(data)}, not a list of claims in version 3`);
  try {
    return decodeJob(data);
  } catch (error) {
    throw new JobRejectedError(`job ${id} can't be read: ${(error as Error).message}`);
  }
};

const whatIs = (data: unknown): string => {
  const version = (data as Partial<ClaimJob> | null)?.v;
  return version === undefined || version === 3 ? 'not readable' : `of version ${version}`;
};

interface Parts extends Post {
  group: CommitGroup;
}

/**
 * Runs one job of a lane: decide and commit, then answer. A refusal is a returned decision, never an exception: a job that
 * throws here is run again, at once and after the other jobs of its lane. The pause is this process's own, because BullMQ
 * would compare the clocks of two machines.
 * @throws UnrecoverableError on a payload that no run can decide.
 */
export const processJob = async ({ group, ...post }: Parts, job: QueuedJob): Promise<void> => {
  try {
    const decoded = decode(job);
    points.take.publish({ lane: job.queueName, claims: decoded.claims });
    const result = await group.add(decoded);
    post.log.debug({ job: job.id, claims: decoded.claims.length, attempt: job.attemptsMade + 1 }, 'job committed');
    // biome-ignore lint/plugin: a stamp, which the API compares with its own clock for a metric.
    sendAnswer(post, job.data.replyTo, { jobId: decoded.id, result, committedAt: Date.now() });
  } catch (error) {
    if (error instanceof JobRejectedError) throw new UnrecoverableError(error.message);
    await new Promise((resolve) => setTimeout(resolve, JOB_RETRY_PAUSE_MS));
    throw hideUsers(error);
  }
};
