import { WaitingClaim } from '@flashclaim/api';
import { JOB_DEADLINE_SECONDS } from '@flashclaim/core';
import { expect, test } from 'vitest';
import { openDispatcher } from '../support/open-dispatcher.ts';
import { until } from '../support/until.ts';

test('a job that no worker takes is recorded as expired at its deadline, and removed from its lane', async () => {
  const { queue, dispatcher, recovery, mongo } = await openDispatcher(JOB_DEADLINE_SECONDS + 60);
  const events = { timedOut: () => {}, settled: () => {} };
  const claim = new WaitingClaim({ id: 'id', userId: 'user', couponName: 'coupon' }, 60_000, events);
  const dispatched = dispatcher.dispatch(0, [claim]);
  await until(async () => (await queue.getWaitingCount()) === 1);
  recovery.check(0);
  await dispatched;
  expect(await claim.answer).toBe('unavailable');
  const [record] = await mongo.jobRecords.find().toArray();
  expect(record).not.toHaveProperty('result');
  await until(async () => (await queue.getWaitingCount()) === 0);
});
