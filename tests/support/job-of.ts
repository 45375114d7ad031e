import { randomUUID } from 'node:crypto';
import { type Claim, decodeResult, JOB_DEADLINE_SECONDS, type Job } from '@flashclaim/core';
import { DatabaseClock, type Mongo } from '@flashclaim/store';
import { CouponCache, commitJobs } from '@flashclaim/worker';

/** A job of these claims with a deadline from now. */
export const jobOf = async (mongo: Mongo, claims: readonly Claim[], id = randomUUID() as string): Promise<Job> => {
  const clock = new DatabaseClock();
  await clock.ask(mongo.db);
  return { id, deadline: clock.now + JOB_DEADLINE_SECONDS, claims };
};

/** Commits one job as a worker does. Resolves to the decision and the unit of each claim. */
export const commitJob = async (mongo: Mongo, job: Job, cache = new CouponCache()) => {
  const result = (await commitJobs({ mongo, cache }, [job])).get(job.id);
  if (!result) throw new Error('the job has no result');
  return decodeResult(result, job.claims);
};
