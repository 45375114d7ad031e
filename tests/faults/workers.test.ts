import { setTimeout as sleep } from 'node:timers/promises';
import { JOB_LOCK_MS } from '@flashclaim/core';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { clearFailPoint, setFailPoint, waitForFailPoint } from '../support/fail-point.ts';
import { FaultLoad } from '../support/fault-load.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** Longer than a worker takes to start, and to commit what it finds. */
const WAIT_MS = 20_000;
/** How long MongoDB delays a commit: enough time to inject the fault. */
const HELD_MS = 2_000;

let stores: OwnStores;
let system: System;
let worker: ProcessHandle;
let commitsHeld = 0;
beforeAll(async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, env: { CLAIM_WAIT_MS: `${WAIT_MS}` } });
});
afterAll(() => system?.close());
beforeEach(() => {
  worker = system.workers.at(-1) as ProcessHandle;
});

const kill = async (handle: ProcessHandle): Promise<void> => {
  handle.kill('SIGKILL');
  await handle.exited;
};

/** Resolves once a worker has decided, and MongoDB holds its commit back. */
const holdCommit = async (): Promise<void> => {
  const data = { blockConnection: true, blockTimeMS: HELD_MS };
  await setFailPoint(stores.mongo.client, { commands: ['commitTransaction'], times: 1, data });
  await waitForFailPoint(stores.mongo.client, ++commitsHeld);
};

test('killed at a random moment, three times', async ({ task }) => {
  const load = new FaultLoad({ system, coupon: 'random', test: task });
  await load.start();
  for (let time = 0; time < 3; time++) {
    const victim = system.workers.at(-1) as ProcessHandle;
    const moment = await load.randomMoment();
    await load.through(`worker killed ${moment}`, () => kill(victim), system.addWorker);
  }
  await load.expectConsistent();
});

test('killed between the decision and the commit, three times in a row in the same job', async ({ task }) => {
  const load = new FaultLoad({ system, coupon: 'before-commit', test: task });
  await load.start();
  let victim = worker;
  const inject = async () => {
    for (let time = 0; time < 3; time++) {
      await holdCommit();
      await kill(victim);
      victim = await system.addWorker();
    }
  };
  await load.through('worker killed before the commit, three times', inject, async () => {});
  await load.expectConsistent();
});

test('killed between the commit and telling of it', async ({ task }) => {
  const coupon = 'after-commit';
  const load = new FaultLoad({ system, coupon, test: task });
  await load.start();
  const existing = () => stores.mongo.claims.countDocuments({ coupon_name: coupon });
  const inject = async () => {
    await holdCommit();
    const before = await existing();
    // What was decided can be committed, but neither told nor noted with the job.
    await stores.redis.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    await until(async () => (await existing()) > before);
    await kill(worker);
    await stores.redis.call('CLIENT', 'UNPAUSE');
  };
  await load.through('worker killed after the commit', inject, system.addWorker);
  await load.expectConsistent();
});

test('stopped for longer than its lock while another runs the same job, and then goes on', async ({ task }) => {
  const load = new FaultLoad({ system, coupon: 'slow-worker', test: task });
  await load.start();
  const inject = async () => {
    await holdCommit();
    worker.kill('SIGSTOP');
    await system.addWorker();
    await load.decides(100);
    await sleep(JOB_LOCK_MS);
  };
  await load.through('worker stopped beyond its lock', inject, async () => worker.kill('SIGCONT'));
  await load.decides(100);
  await load.expectConsistent();
  expect(await clearFailPoint(stores.mongo.client)).toBeGreaterThan(0);
});
