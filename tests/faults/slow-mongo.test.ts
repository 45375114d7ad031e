import { API_POOL_MAX, LANES_DEFAULT, laneOf } from '@flashclaim/core';
import { openQueue } from '@flashclaim/lanes';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { call, claim, createCoupon } from '../support/call-api.ts';
import { clearFailPoint, setFailPoint } from '../support/fail-point.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const COUPON = 'slow';
let stores: OwnStores;
let system: System;
let url: string;
beforeAll(async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, workers: 0, env: { LOG_LEVEL: 'error' } });
  url = system.urls[0] as string;
  await createCoupon(url, COUPON, 100);
});
afterAll(() => system?.close());
afterEach(() => clearFailPoint(stores.mongo.client));

/** Delays such commands of the API. */
const slow = (command: string, blockTimeMS: number) =>
  setFailPoint(stores.mongo.client, {
    ...{ appName: 'flashclaim-api', commands: [command] },
    data: { blockConnection: true, blockTimeMS },
  });

const statusOf = (claimId: string) => call(`${url}/api/claims/${claimId}`, 'GET');

test('a caller with respond-async is answered soon, also while MongoDB is slow', async () => {
  // Shorter than the timeout of the driver, longer than that of a caller.
  await slow('insert', 2_900);
  const reply = await claim(url, COUPON, 'user', { prefer: 'respond-async' });
  expect(reply).toMatchObject({
    status: 503,
    body: { code: 'unavailable', done: 'unknown', claim_id: expect.any(String) },
  });
  await until(async () => (await statusOf(reply.body.claim_id)).body.status === 'pending');
});

test('status requests for unknown claims delay no claim', async () => {
  await system.addWorker();
  await slow('find', 2_500);
  const asked = Array.from({ length: 3 * API_POOL_MAX }, (_, i) => statusOf(`unknown-${i}`));
  for (let i = 0; i < 20; i++) {
    expect(await claim(url, COUPON, `user-${i}`)).toMatchObject({ status: 200 });
    expect(await call(`${url}/health`, 'GET')).toMatchObject({ status: 200 });
  }
  await clearFailPoint(stores.mongo.client);
  // A busy machine may add so much to the delay that a read takes longer than a caller of the API waits.
  for (const { status } of await Promise.all(asked)) expect([404, 503]).toContain(status);
  expect((await statusOf('unknown')).status).toBe(404);
});

test('a job that fails repeatedly keeps only its last error', async () => {
  const lane = laneOf(COUPON, LANES_DEFAULT);
  const queue = openQueue(lane, stores.redis);
  onTestFinished(() => queue.close());
  await setFailPoint(stores.mongo.client, { commands: ['insert'], data: { errorCode: 1 } });
  const claiming = claim(url, COUPON, 'patient');
  await until(async () => {
    const [job] = await queue.getJobs(['active', 'waiting']);
    if (!job || job.attemptsMade < 3) return false;
    expect(job.stacktrace).toHaveLength(1);
    return true;
  });
  await clearFailPoint(stores.mongo.client);
  expect([200, 202]).toContain((await claiming).status);
});
