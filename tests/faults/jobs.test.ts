import {
  decodeJob,
  JOB_ATTEMPTS_MAX,
  JOB_NAME,
  JOB_RETRY_DELAY_MS,
  LANES_DEFAULT,
  laneName,
  laneOf,
  lanePrefix,
} from '@flashclaim/core';
import { Queue } from 'bullmq';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FaultLoad } from '../support/fault-load.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
let queue: Queue;
const COUPON = 'jobs';
beforeEach(async () => {
  system = await startSystem({ env: { LOG_LEVEL: 'error' } });
  const lane = laneOf(COUPON, LANES_DEFAULT);
  queue = new Queue(laneName(lane), { connection: system.stores.redis, prefix: lanePrefix(lane) });
});
afterEach(async () => {
  await queue.close();
  await system.close();
});

const finished = (jobId: string, state: 'completed' | 'failed') =>
  until(async () => (await queue.getJobState(jobId)) === state);

test('jobs that were done are added once more under other ids, and retried as Bull Board does', async ({ task }) => {
  const load = new FaultLoad({ system, coupon: COUPON, test: task });
  await load.start();
  await load.decides(100);
  const jobs = (await queue.getCompleted()).slice(0, 10);
  expect(jobs.length).toBeGreaterThan(0);
  const strike = async () => {
    for (const [turn, job] of jobs.entries()) {
      const twin = `twin-${turn}`;
      await queue.add(JOB_NAME, job.data, { jobId: twin });
      await finished(twin, 'completed');
      const { decisions } = (await queue.getJob(twin))?.returnvalue ?? {};
      // The same request under its key: its claim is told as the first, however often its job runs.
      expect(decisions).toBe('C'.repeat(decodeJob(job.data).length));
      await job.retry('completed');
    }
    for (const { id } of jobs) await finished(id as string, 'completed');
  };
  await load.through('finished jobs run again', strike, async () => {});
  await load.expectTruthful();
});

const POISON: Record<string, unknown> = {
  'of an unknown version': { v: 3, replyTo: 'nobody', coupons: [COUPON], claims: [] },
  'without claims': { v: 1 },
  'that names a coupon it does not hold': { v: 1, replyTo: 'nobody', coupons: [], claims: [['id', 'user', 7]] },
  'that is a text': 'poison',
};

test('jobs that nobody understands fail, and their lane goes on', async ({ task }) => {
  const load = new FaultLoad({ system, coupon: COUPON, test: task });
  await load.start();
  const strike = async () => {
    for (const [what, data] of Object.entries(POISON)) {
      const jobId = `poison-${what.replaceAll(' ', '-')}`;
      // As an API adds its jobs: whatever may pass is tried for ten minutes.
      await queue.add(JOB_NAME, data, { jobId, attempts: JOB_ATTEMPTS_MAX, backoff: JOB_RETRY_DELAY_MS });
      await finished(jobId, 'failed');
      await load.decides(10);
    }
  };
  await load.through('poisoned jobs', strike, async () => {});
  await load.expectTruthful();
});

const MINUTES_10_MS = 600_000;
/** A clock that is wrong from the start of the process. */
const shiftedClock = (ms: number): NodeJS.ProcessEnv => {
  const code = `const now = Date.now; Date.now = () => now() + ${ms};
    globalThis.Date = new Proxy(Date, { construct: (of, given) => new of(...(given.length ? given : [of.now()])) });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
};

const madeWithinMs = async (): Promise<number> => {
  const times = await system.stores.mongo.claims.distinct('claimed_at');
  return Math.max(...times.map(Number)) - Math.min(...times.map(Number));
};

test.for([
  ['ahead', MINUTES_10_MS],
  ['behind', -MINUTES_10_MS],
] as const)('clocks ten minutes %s: one of two workers and one of two APIs', async ([what, ms], { task }) => {
  await system.addWorker(shiftedClock(ms));
  await system.addApi(shiftedClock(ms));
  const load = new FaultLoad({ system, coupon: `${COUPON}-${what}`, test: task });
  await load.start();
  await load.decides(100);
  // Both workers had their turn: claims were made at times that are far apart.
  await until(async () => (await madeWithinMs()) > MINUTES_10_MS / 2);
  await load.expectTruthful();
});
