import { type Dispatcher, WaitingClaim } from '@flashclaim/api';
import { JOB_DEADLINE_SECONDS } from '@flashclaim/core';
import { UnrecoverableError, Worker } from 'bullmq';
import { expect, test } from 'vitest';
import { openDispatcher } from '../support/open-dispatcher.ts';
import { until } from '../support/until.ts';

/** Sends a claim in a job of lane 0. */
const dispatchClaim = (dispatcher: Dispatcher) => {
  const events = { timedOut: () => {}, settled: () => {} };
  const claim = new WaitingClaim({ id: 'id', userId: 'user', couponName: 'coupon' }, 60_000, events);
  return { claim, dispatched: dispatcher.dispatch(0, [claim]) };
};

test('a job that no worker takes is recorded as expired at its deadline, and removed from its lane', async () => {
  const { queue, dispatcher, recovery, mongo } = await openDispatcher(JOB_DEADLINE_SECONDS + 60);
  const { claim, dispatched } = dispatchClaim(dispatcher);
  await until(async () => (await queue.getWaitingCount()) === 1);
  recovery.check(0);
  await dispatched;
  expect(await claim.answer).toBe('unavailable');
  const [record] = await mongo.jobRecords.find().toArray();
  expect(record).not.toHaveProperty('result');
  await until(async () => (await queue.getWaitingCount()) === 0);
});

test('a job that failed is recorded as expired, and stays with its error', async () => {
  const { queue, dispatcher, recovery, mongo, redis } = await openDispatcher(JOB_DEADLINE_SECONDS + 60);
  const { claim, dispatched } = dispatchClaim(dispatcher);
  const connection = redis.duplicate({ maxRetriesPerRequest: null });
  const fail = () => Promise.reject(new UnrecoverableError('of another version'));
  const worker = new Worker(queue.name, fail, { ...queue.opts, connection });
  await until(async () => (await queue.getFailedCount()) === 1);
  await worker.close();
  connection.disconnect();
  recovery.check(0);
  await dispatched;
  expect(await claim.answer).toBe('unavailable');
  expect(await mongo.jobRecords.countDocuments()).toBe(1);
  const [failed] = await queue.getFailed();
  expect(failed?.failedReason).toBe('of another version');
});
