import { type ClaimJobResult, ClaimJobSchema, decodeJob } from '@flashclaim/core';
import type { Logger, Mongo } from '@flashclaim/service';
import { Value } from '@sinclair/typebox/value';
import { type Job, UnrecoverableError } from 'bullmq';
import { commitClaims } from './commit-claims.ts';

/**
 * Runs one job of a lane. A refusal is a returned decision, never an exception: what throws here is run again.
 * @throws UnrecoverableError on a payload that no version of this worker understands: running it again can't help.
 */
export const processJob = async (mongo: Mongo, log: Logger, job: Job): Promise<ClaimJobResult> => {
  if (!Value.Check(ClaimJobSchema, job.data))
    throw new UnrecoverableError(`job ${job.id} is not a list of claims in version 1`);
  const claims = decodeJob(job.data);
  const result = await commitClaims(mongo, claims);
  log.debug({ job: job.id, claims: claims.length, attempt: job.attemptsMade + 1 }, 'job committed');
  return result;
};
