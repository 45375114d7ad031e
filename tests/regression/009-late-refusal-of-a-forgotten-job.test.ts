import { WaitingClaim } from '@flashclaim/api';
import { encodeDecisions, laneName, lanePrefix } from '@flashclaim/core';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { openLaneJobs } from '../support/open-lane-jobs.ts';
import { until } from '../support/until.ts';

/** Found by the simulation, seed 4577156: between the two runs the coupon was created. */
test('Redis forgets a job that refused, and is told it again: an answer of the first run that comes late counts no more', async () => {
  const { env, queue, jobs } = await openLaneJobs();
  const listener = { hasten: () => {}, settled: () => {} };
  const claim = new WaitingClaim({ id: 'the-claim', userId: 'user', couponName: 'coupon' }, 60_000, listener);
  const settled = jobs.send(0, [claim]);
  const jobId = `${jobs.processId}-1`;
  await until(async () => (await queue.getJob(jobId)) !== undefined);
  await queue.remove(jobId);
  jobs.lookAtSilent(0);
  await until(async () => (await queue.getJob(jobId)) !== undefined);

  jobs.answer(jobId, { decisions: encodeDecisions(['coupon_not_found']), at: 1 });
  const connection = new Redis(env.REDIS_URL, { maxRetriesPerRequest: null });
  const decide = async () => ({ decisions: encodeDecisions(['claimed']), at: 2 });
  const worker = new Worker(laneName(0), decide, { connection, prefix: lanePrefix(0) });
  onTestFinished(async () => {
    await worker.close();
    connection.disconnect();
  });
  await settled;
  expect(await claim.answer).toEqual({ decision: 'claimed', claimedAt: 2 });
});
