import { type ClaimJob, JOB_ATTEMPTS_MAX, LANES_DEFAULT, laneOf } from '@flashclaim/core';
import { JOB_NAME, openQueue } from '@flashclaim/lanes';
import type { Queue } from 'bullmq';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { claim, createCoupon } from '../support/call-api.ts';
import { FaultLoad } from '../support/fault-load.ts';
import { scrape } from '../support/scrape.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
let queue: Queue;
const COUPON = 'jobs';
beforeEach(async () => {
  system = await startSystem({ env: { LOG_LEVEL: 'error' } });
  const lane = laneOf(COUPON, LANES_DEFAULT);
  queue = openQueue(lane, system.stores.redis);
});
afterEach(async () => {
  await queue.close();
  await system.close();
});

const record = (jobId: string) => system.stores.mongo.jobRecords.findOne({ _id: jobId });

/** A job that was decided is kept no longer: `unknown`. */
const finished = (jobId: string, state: 'unknown' | 'failed') =>
  until(async () => (await queue.getJobState(jobId)) === state);

test('finished jobs that are added once more under other ids grant nothing, and answer the same', async ({ task }) => {
  const load = new FaultLoad({ system, coupon: COUPON, test: task });
  await load.start();
  await load.decides(100);
  // A job that was decided is not kept: its payload is copied while a worker has it.
  const copies = new Map<string, ClaimJob>();
  await until(async () => {
    for (const job of await queue.getActive()) if (job?.data.v === 4) copies.set(job.data.id, job.data);
    return copies.size >= 10;
  });
  const inject = async () => {
    for (const [id, data] of copies) {
      await finished(id, 'unknown');
      const before = await record(id);
      const duplicate = `duplicate-of-${id}`;
      await queue.add(JOB_NAME, data, { jobId: duplicate });
      await finished(duplicate, 'unknown');
      expect(await record(id)).toEqual(before);
    }
  };
  await load.through('finished jobs run again', inject, async () => {});
  await load.expectConsistent();
});

const POISONED = {
  ...{ v: 4, id: 'poison', deadline: 99_999_999_999, replyTo: 'nobody' },
  ...{ coupons: [COUPON], claims: [['id', 'user', 0]] },
};

const POISON: Record<string, unknown> = {
  'of an unknown version': { ...POISONED, v: 5 },
  'of an older version': { ...POISONED, v: 3 },
  'without claims': { ...POISONED, claims: [] },
  'that names a coupon it does not hold': { ...POISONED, claims: [['id', 'user', 7]] },
  'whose deadline is absurdly far': POISONED,
  'whose deadline is no number': { ...POISONED, deadline: 'soon' },
  'that is a text': 'poison',
};

test('jobs that nobody understands fail, and their lane goes on', async ({ task }) => {
  const load = new FaultLoad({ system, coupon: COUPON, test: task });
  await load.start();
  const inject = async () => {
    for (const [what, data] of Object.entries(POISON)) {
      const jobId = `poison-${what.replaceAll(' ', '-')}`;
      // As an API adds its jobs: whatever may pass is tried again.
      await queue.add(JOB_NAME, data, { jobId, attempts: JOB_ATTEMPTS_MAX });
      await finished(jobId, 'failed');
      await load.decides(10);
    }
  };
  await load.through('poisoned jobs', inject, async () => {});
  await load.expectConsistent();
});

const MINUTES_10_MS = 600_000;
/** A clock that is wrong from the start of the process. */
const shiftedClock = (ms: number): NodeJS.ProcessEnv => {
  const code = `const now = Date.now; Date.now = () => now() + ${ms};
    globalThis.Date = new Proxy(Date, { construct: (of, given) => new of(...(given.length ? given : [of.now()])) });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
};

const commitsOf = async (workerUrl: string): Promise<number> =>
  (await scrape(workerUrl)).value('flashclaim_commit_duration_seconds_count') ?? 0;

test.for([
  ['ahead', MINUTES_10_MS],
  ['behind', -MINUTES_10_MS],
] as const)('clocks ten minutes %s: one of two workers and one of two APIs', async ([what, ms], { task }) => {
  await system.addWorker(shiftedClock(ms));
  await system.addApi(shiftedClock(ms));
  const load = new FaultLoad({ system, coupon: `${COUPON}-${what}`, test: task });
  await load.start();
  await load.decides(100);
  const before = await Promise.all(system.workerUrls.map(commitsOf));
  for (const [index, url] of system.workerUrls.entries())
    await until(async () => (await commitsOf(url)) > (before[index] as number));
  await load.expectConsistent();
  // The times of claims are database time, whichever worker has made them.
  const times = (await system.stores.mongo.claims.distinct('claimed_at')).map(Number);
  expect(Math.max(...times) - Math.min(...times)).toBeLessThan(MINUTES_10_MS / 2);
});

test('a coupon that can not be written does not stop the coupons of the same batches', async () => {
  const { mongo } = system.stores;
  const [url] = system.urls as [string];
  for (const coupon of ['broken', 'sound']) await createCoupon(url, coupon, 1_000);
  await claim(url, 'broken', 'first');
  // As by a repair that went wrong: nothing can be added to a text.
  const setIssued = (issued: number | string) =>
    mongo.db
      .collection('coupons')
      .updateOne({ name: 'broken' }, { $set: { issued } }, { bypassDocumentValidation: true });
  await setIssued('1');
  const grantsOf = (coupon_name: string) => mongo.claims.countDocuments({ coupon_name });
  const accepted = { broken: 0, sound: 0 };
  let sent = 0;
  const send = async (coupon: 'broken' | 'sound') => {
    const { status } = await claim(url, coupon, `user-${sent}`, { prefer: 'respond-async' });
    expect([202, 503]).toContain(status);
    if (status === 202) accepted[coupon] += 1;
    return status;
  };
  // Each claim of the broken coupon would become a job that fails.
  await until(async () => {
    sent += 1;
    await Promise.all([send('broken'), send('sound')]);
    return sent >= 40 && (await grantsOf('sound')) > 0;
  });
  expect(await grantsOf('broken')).toBe(1);
  await until(async () => {
    sent += 1;
    return (await send('sound')) === 202;
  });
  await setIssued(1);
  await until(async () => {
    const [broken, sound] = [await grantsOf('broken'), await grantsOf('sound')];
    return broken === 1 + accepted.broken && sound === accepted.sound;
  });
});
