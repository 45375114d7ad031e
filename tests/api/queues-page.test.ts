import { LANES_DEFAULT, LANES_MAX, laneOf } from '@flashclaim/core';
import { laneName, openQueue } from '@flashclaim/lanes';
import type { Job, Queue } from 'bullmq';
import { Timestamp } from 'mongodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, claim, createCoupon } from '../support/call-api.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const COUPON = 'shown';
const USER = 'margaret.hamilton@example.com';
const LANE = laneOf(COUPON, LANES_DEFAULT);

const WAITING = {
  ...{ v: 4, id: 'waiting', deadline: 1, replyTo: 'nobody' },
  ...{ coupons: [COUPON], claims: [['id', USER, 0]] },
};

let system: System;
let queue: Queue;
let job: Job;
let ofLane: string;
beforeAll(async () => {
  system = await startSystem({ env: { BULL_BOARD_WRITE: 'true' } });
  const [url] = system.urls as [string];
  ofLane = `${url}/admin/queues/api/queues/${laneName(LANE)}`;
  queue = openQueue(LANE, system.stores.redis);
  await createCoupon(url, COUPON, 5);
  expect((await claim(url, COUPON, USER)).status).toBe(200);
  job = await queue.add('claims', { v: 4 });
  await until(async () => (await queue.getJobState(job.id as string)) === 'failed');
});
afterAll(async () => {
  await queue?.close();
  await system?.close();
});

test('a job that was decided is not kept', async () => {
  await until(async () => (await system.stores.redis.keys('*:lane-*-api-*')).length === 0);
  const keys = await system.stores.redis.keys('*');
  expect(keys.length).toBeGreaterThan(0);
  expect(await queue.getJobCounts()).toMatchObject({ completed: 0, failed: 1, active: 0, waiting: 0 });
});

test('a job that failed for good is kept with its error, and without its claims', async () => {
  const failed = await queue.add('claims', { ...WAITING, v: 3 });
  await until(async () => (await queue.getJob(failed.id as string))?.data.claims === undefined);
  const { body } = await call(`${ofLane}/${failed.id}`, 'GET');
  expect(body.job.failedReason).toContain('of version 3');
  expect(JSON.stringify(await system.stores.redis.hgetall(queue.toKey(failed.id as string)))).not.toContain(USER);
  await failed.remove();
});

test('a waiting job shows its claims, and its users masked', async () => {
  await queue.pause();
  const waiting = await queue.add('claims', WAITING);
  const { body } = await call(`${ofLane}/${waiting.id}`, 'GET');
  expect(body.job.data).toMatchObject({ claims: 1, coupons: { [COUPON]: 1 }, usersByClaim: { id: 'ma…' } });
  expect(JSON.stringify(body)).not.toContain('hamilton');
  await waiting.remove();
  await queue.resume();
});

test('jobs can be changed where the deployment says so', async () => {
  expect((await call(`${ofLane}/pause`, 'PUT', {})).status).toBe(200);
  expect(await queue.isPaused()).toBe(true);
  expect((await call(`${ofLane}/resume`, 'PUT', {})).status).toBe(200);
});

test.each(['PATCH', 'PUT', 'POST'])('but no data is sent, however the address is written: %s', async (method) => {
  const before = await queue.getJobCounts();
  const data = (await queue.getJob(job.id as string))?.data;
  const calls = ['update-data', 'update%2Ddata', '%75pdate-data?x=1'].map((path) => `${job.id}/${path}`);
  for (const path of [...calls, 'add', '%61dd', 'add?x=1']) {
    const reply = await call(`${ofLane}/${path}`, method, { name: 'claims', data: {}, jobData: {}, options: {} });
    expect(reply.status, path).toBeGreaterThanOrEqual(400);
    expect(reply.body.code, path).toMatch(/^(invalid_request|method_not_allowed|not_found)$/);
  }
  expect((await queue.getJob(job.id as string))?.data).toEqual(data);
  expect(await queue.getJobCounts()).toEqual(before);
});

test('a lane of another number of lanes is shown, too', async () => {
  const [url] = system.urls as [string];
  const more = await system.addApi({ CLAIM_LANES: `${LANES_MAX}` });
  const coupon = 'beyond';
  const lane = laneOf(coupon, LANES_MAX);
  expect(lane).toBeGreaterThanOrEqual(LANES_DEFAULT);
  await createCoupon(more, coupon, 1);
  expect((await claim(more, coupon, USER)).status).toBe(200);
  const { body } = await call(`${url}/admin/queues/api/queues`, 'GET');
  expect(body.queues.map(({ name }: { name: string }) => name)).toContain(laneName(lane));
});

test('a job that failed can be run again', async () => {
  const failed = await queue.add('claims', { v: 4 });
  await expect.poll(() => failed.getState()).toBe('failed');
  const { timestamp = 0, processedOn = timestamp } = (await queue.getJob(failed.id as string)) as Job;
  expect((await call(`${ofLane}/${failed.id}/retry`, 'PUT', {})).status).toBeLessThan(300);
  await expect
    .poll(async () => ((await queue.getJob(failed.id as string)) as Job).processedOn)
    .toBeGreaterThan(processedOn);
});

test('decided jobs have their outcomes as title, and no user', async () => {
  const [url] = system.urls as [string];
  const decided = `${url}/admin/queues/api/queues/decided`;
  // Its id sorts last, as that of the latest job does.
  const id = 'zzz';
  const record = {
    _id: id,
    deadline: new Date(1_900_000_000_000),
    decided_at: new Timestamp({ t: 1_899_999_150, i: 1 }),
  };
  const { jobRecords } = system.stores.mongo;
  await jobRecords.insertOne({ ...record, result: { decisions: `${'S'.repeat(39)}${'C'.repeat(6)}` } });
  await jobRecords.insertOne({ ...record, _id: 'zzy' });
  const { body } = await call(`${url}/admin/queues/api/queues?activeQueue=decided&status=completed`, 'GET');
  const shown = body.queues.find(({ name }: { name: string }) => name === 'decided');
  const names = shown.jobs.map(({ name }: { name: string }) => name);
  expect(names.slice(0, 2)).toEqual(['45 claims: 6 granted, 39 sold out', 'expired: none granted']);
  expect(names).toContain('1 claim: 1 granted');
  expect(JSON.stringify(shown)).not.toContain(USER);
  expect((await call(`${decided}/${id}`, 'GET')).body).toMatchObject({
    job: { data: { granted: 6, 'sold out': 39 }, timestamp: 1_899_999_100_000, finishedOn: 1_899_999_150_000 },
    status: 'completed',
  });
  for (const path of ['clean/completed', 'empty', 'pause', `${id}/retry`, `${id}/clean`])
    expect((await call(`${decided}/${path}`, 'PUT', {})).status, path).toBe(405);
});
