import { type ClaimJob, ClaimJobSchema, decodeJob, type Job, JobRejectedError } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import { TypeCompiler } from '@sinclair/typebox/compiler';
import { type Job as QueuedJob, UnrecoverableError } from 'bullmq';
import { channels } from './channels.ts';
import { commitJobs } from './commit-claims.ts';
import { CommitGroup } from './commit-group.ts';
import { CouponCache } from './coupon-cache.ts';
import { hideUsers } from './hide-users.ts';
import type { SchemaWatch } from './schema-watch.ts';
import { type AnswerParts, sendAnswer } from './send-answer.ts';

/** Pause before a job that failed goes back to its lane. No other job of the lane runs meanwhile. */
const JOB_RETRY_PAUSE_MS = 250;

export interface JobPathOptions extends AnswerParts {
  mongo: Mongo;
  schema: Pick<SchemaWatch, 'intact'>;
  /** For the simulation. */
  commit?: typeof commitJobs;
}

/**
 * The path of a job through a worker: take → commit → answer.
 *
 * 1. **Take**. BullMQ gives this worker a job of a lane (`open-lane.ts`). One job of a lane runs at a time, in all workers
 *    together. `decodePayload` checks its payload.
 * 2. **Commit**. Jobs of all lanes that arrive while a transaction is in flight share the next one (`CommitGroup`).
 *    `commitJobs` decides them and commits their records and grants.
 * 3. **Answer**. The result is published to the API process that waits for it (`sendAnswer`).
 */
export const buildJobPath = ({ mongo, redis, log, schema, commit = commitJobs }: JobPathOptions) => {
  const cache = new CouponCache();
  const group = new CommitGroup(async (jobs) => {
    await schema.intact();
    return commit({ mongo, cache }, jobs);
  });
  return { group, run: (job: QueuedJob) => runJob({ group, redis, log }, job) };
};

/**
 * Runs one job. A refusal is a decision, and not an exception: a job that throws is retried, at once and after the other jobs
 * of its lane. The pause before that is a timer of this process, because BullMQ would compare the clocks of two machines.
 * @throws UnrecoverableError on a payload that no run can decide.
 */
export const runJob = async (
  { group, ...answerParts }: AnswerParts & { group: CommitGroup },
  job: QueuedJob,
): Promise<void> => {
  try {
    const decoded = decodePayload(job);
    channels.take.publish({ lane: job.queueName, claims: decoded.claims });
    const result = await group.add(decoded);
    const { id, claims } = decoded;
    answerParts.log.debug({ job: job.id, claims: claims.length, attempt: job.attemptsMade + 1 }, 'job committed');
    // biome-ignore lint/plugin: a timestamp that the API compares with its own clock, for a metric only.
    sendAnswer(answerParts, job.data.replyTo, { jobId: id, result, committedAt: Date.now() });
  } catch (error) {
    if (error instanceof JobRejectedError) throw new UnrecoverableError(error.message);
    await new Promise((resolve) => setTimeout(resolve, JOB_RETRY_PAUSE_MS));
    throw hideUsers(error);
  }
};

const claimJob = TypeCompiler.Compile(ClaimJobSchema);

/** @throws JobRejectedError where this version of the worker can't read the payload. */
const decodePayload = ({ id, data }: QueuedJob): Job => {
  if (!claimJob.Check(data))
    throw new JobRejectedError(`job ${id} is ${describe(data)}, not a list of claims in version 4`);
  try {
    return decodeJob(data);
  } catch (error) {
    throw new JobRejectedError(`job ${id} can't be read: ${(error as Error).message}`);
  }
};

const describe = (data: unknown): string => {
  const version = (data as Partial<ClaimJob> | null)?.v;
  return version === undefined || version === 4 ? 'not readable' : `of version ${version}`;
};
