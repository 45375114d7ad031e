import { laneOf } from '@flashclaim/core';
import { laneKey } from '@flashclaim/lanes';
import { afterEach, expect, type TestContext, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { FaultLoad } from '../support/fault-load.ts';
import { openRedisPair, type RedisPair } from '../support/redis-pair.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** Enough that the two coupons have different lanes. */
const LANES = 8;

let stores: RedisPair;
let system: System;
let api: string;
let worker: string;
afterEach(() => system?.close());

/** A sale that runs on a primary and its replica. */
const startSale = async (test: TestContext['task']): Promise<FaultLoad> => {
  stores = await openRedisPair();
  system = await startSystem({ stores, env: { CLAIM_WAIT_MS: '2000', CLAIM_LANES: `${LANES}` } });
  [api, worker] = [system.urls[0] as string, system.workerUrls[0] as string];
  const load = new FaultLoad({ system, coupon: 'sale', test });
  await load.start();
  await load.decides(200);
  return load;
};

const downAt = async (url: string): Promise<string | undefined> => {
  const { status, body } = await call(url, 'GET');
  return status === 503 ? body.detail : undefined;
};

/** Both say that Redis is down, and to an orchestrator that they can't work. */
const bothSayDown = async (): Promise<void> => {
  for (const url of [api, worker])
    for (const path of ['/health', '/readyz'])
      await until(async () => (await downAt(url + path))?.includes('Redis') === true);
};

const bothAreWell = async (): Promise<void> => {
  for (const url of [api, worker]) await until(async () => (await call(`${url}/health`, 'GET')).status === 200);
};

/** The primary became a replica, which refuses writes, and everybody still talks to it; then the address follows. */
const through = async (load: FaultLoad, what: string, failOver: () => Promise<void>): Promise<void> => {
  const inject = async () => {
    await failOver();
    expect(await stores.primary.ping()).toBe('PONG');
    await bothSayDown();
  };
  await load.through(what, inject, async () => stores.turnAddress());
  await bothAreWell();
};

test('a primary becomes a replica behind its address: claims are decided again without a restart', async ({ task }) => {
  const load = await startSale(task);
  await through(load, 'Redis fails over behind one address', stores.failOver);

  await load.decides(200);

  // Neither does a primary take claims that has to have replicas and lost them, although it answers.
  await stores.replica.config('SET', 'min-replicas-to-write', 2);
  await bothSayDown();
  await stores.replica.config('SET', 'min-replicas-to-write', 0);
  await bothAreWell();
  await load.expectConsistent();
});

test('the same, and the last writes that the primary had confirmed are lost', async ({ task }) => {
  const load = await startSale(task);

  // The replica knows of a job, and never hears that it was decided.
  const coupon = 'later';
  const wait = laneKey(laneOf(coupon, LANES), 'wait');
  system.workers[0]?.kill('SIGSTOP');
  const refused = load.history.claim(api, coupon, 'user');
  await until(async () => (await stores.replica.llen(wait)) > 0);
  stores.replication.lose('everything');
  system.workers[0]?.kill('SIGCONT');
  expect(await refused).toMatchObject({ status: 404 });
  await load.history.create(api, coupon, 10);
  await load.decides(200);

  await through(load, 'Redis fails over and loses writes', stores.failOverWithLoss);
  await load.decides(200);
  await until(async () => (await stores.replica.llen(wait)) === 0);
  await load.history.read(api, coupon);
  await load.expectConsistent();
});
