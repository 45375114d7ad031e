import { rememberPending, tellPending, WaitingClaim } from '@flashclaim/api';
import { readPendingRecord } from '@flashclaim/service';
import { expect, test } from 'vitest';
import { openLaneJobs } from '../support/open-lane-jobs.ts';
import { until } from '../support/until.ts';

test('Redis forgets a pending claim, and the answer to its job being added again gets lost: it is noted again all the same', async () => {
  const { redis, queue, watch, jobs, log } = await openLaneJobs({
    pendingAgain: (claim) => rememberPending({ redis }, claim),
  });
  const listener = { hasten: () => {}, settled: () => {} };
  const request = { id: 'the-claim', userId: 'user', couponName: 'coupon', requestId: undefined };
  const claim = new WaitingClaim(request, 0, listener);
  void jobs.send(0, [claim]);
  expect(await claim.answer).toBe('pending');
  expect(await tellPending({ redis, log, stores: { redis: watch, mongo: watch } }, claim)).toBe('pending');
  const noted = await readPendingRecord(redis, claim.id);
  expect(noted).toMatchObject({ userId: 'user' });

  await redis.flushdb();
  const add = queue.add.bind(queue);
  let lost = 0;
  queue.add = async (...job) => {
    const added = await add(...job);
    if (lost++ === 0) throw new Error('Connection is closed.');
    return added;
  };
  await until(async () => {
    jobs.lookAtSilent(0);
    return (await readPendingRecord(redis, claim.id)) !== undefined;
  });
  expect(lost).toBe(1);
  expect(await readPendingRecord(redis, claim.id)).toEqual(noted);
});
