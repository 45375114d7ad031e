import { LaneJobs, rememberPending, StoreWatch, tellPending, WaitingClaim } from '@flashclaim/api';
import { laneName, lanePrefix } from '@flashclaim/core';
import { readPendingRecord } from '@flashclaim/service';
import { Queue } from 'bullmq';
import { expect, onTestFinished, test } from 'vitest';
import { openStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const log = { info: () => {}, warn: () => {} };

test('Redis forgets a pending claim, and the answer to its job being added again gets lost: it is noted again all the same', async () => {
  const { mongo, redis, close } = await openStores();
  onTestFinished(close);
  const queue = new Queue(laneName(0), { connection: redis, prefix: lanePrefix(0) });
  const watch = new StoreWatch({ name: 'Redis', ask: () => redis.ping(), isFault: () => true, log });
  const pendingAgain = (claim: WaitingClaim) => rememberPending({ redis }, claim);
  const jobs = new LaneJobs({ lanes: [queue], mongo, redis: watch, log, pendingAgain });
  onTestFinished(async () => {
    jobs.close();
    watch.close();
    await queue.close();
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
