import { LANES_DEFAULT, LANES_MAX, laneName, laneOf, lanePrefix } from '@flashclaim/core';
import { type Job, Queue } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, claim, createCoupon } from '../support/caller.ts';
import { type System, startSystem } from '../support/system.ts';

const COUPON = 'shown';
const USER = 'margaret.hamilton@example.com';
const LANE = laneOf(COUPON, LANES_DEFAULT);

let system: System;
let queue: Queue;
let job: Job;
let ofLane: string;
beforeAll(async () => {
  system = await startSystem({ env: { BULL_BOARD_WRITE: 'true', BULL_BOARD_USERS: 'true' } });
  const [url] = system.urls as [string];
  ofLane = `${url}/admin/queues/api/queues/${laneName(LANE)}`;
  queue = new Queue(laneName(LANE), { connection: system.stores.redis, prefix: lanePrefix(LANE) });
  await createCoupon(url, COUPON, 5);
  expect((await claim(url, COUPON, USER)).status).toBe(200);
  [job] = (await queue.getJobs()) as [Job];
});
afterAll(async () => {
  await queue?.close();
  await system?.close();
});

test('users are shown where the deployment says so', async () => {
  const { body } = await call(`${ofLane}/${job.id}`, 'GET');
  expect(Object.values(body.job.data.usersByClaim)).toEqual([USER]);
});

test('jobs can be changed where the deployment says so', async () => {
  expect((await call(`${ofLane}/pause`, 'PUT', {})).status).toBe(200);
  expect(await queue.isPaused()).toBe(true);
  expect((await call(`${ofLane}/resume`, 'PUT', {})).status).toBe(200);
});

test.each(['PATCH', 'PUT', 'POST'])('but no data is sent, however the address is written: %s', async (method) => {
  const before = await queue.getJobCounts();
  const calls = ['update-data', 'update%2Ddata', '%75pdate-data?x=1'].map((path) => `${job.id}/${path}`);
  for (const path of [...calls, 'add', '%61dd', 'add?x=1']) {
    const reply = await call(`${ofLane}/${path}`, method, { name: 'claims', data: {}, jobData: {}, options: {} });
    expect(reply.status, path).toBeGreaterThanOrEqual(400);
    expect(reply.body.code, path).toMatch(/^(invalid_request|method_not_allowed|not_found)$/);
  }
  expect((await queue.getJob(job.id as string))?.data).toEqual(job.data);
  expect(await queue.getJobCounts()).toEqual(before);
});

test.each([
  ['by itself', () => `${job.id}/retry`],
  ['by itself, written otherwise', () => `${job.id}/%72etry`],
  ['with all that are done', () => 'retry/completed'],
  ['with all that are done, written otherwise', () => 'retry/complete%64'],
])('a job that is done is not run again %s', async (_how, path) => {
  const reply = await call(`${ofLane}/${path()}`, 'PUT', {});
  expect(reply.status).toBe(400);
  expect(reply.body.code).toBe('invalid_request');
  expect(await queue.getJobState(job.id as string)).toBe('completed');
});

test('a lane of another number of lanes is shown, too, and its jobs that are done are not run again', async () => {
  const [url] = system.urls as [string];
  const more = await system.addApi({ CLAIM_LANES: `${LANES_MAX}` });
  const coupon = 'beyond';
  const lane = laneOf(coupon, LANES_MAX);
  expect(lane).toBeGreaterThanOrEqual(LANES_DEFAULT);
  await createCoupon(more, coupon, 1);
  expect((await claim(more, coupon, USER)).status).toBe(200);
  const other = new Queue(laneName(lane), { connection: system.stores.redis, prefix: lanePrefix(lane) });
  const [done] = (await other.getJobs()) as [Job];
  await other.close();

  const { body } = await call(`${url}/admin/queues/api/queues`, 'GET');
  expect(body.queues.map(({ name }: { name: string }) => name)).toContain(laneName(lane));
  const again = await call(`${url}/admin/queues/api/queues/${laneName(lane)}/${done.id}/retry`, 'PUT', {});
  expect(again.status).toBe(400);
  expect(again.body.code).toBe('invalid_request');
});

test('a job that failed is', async () => {
  const failed = await queue.add('claims', { v: 3 });
  await expect.poll(() => failed.getState()).toBe('failed');
  const { timestamp = 0, processedOn = timestamp } = (await queue.getJob(failed.id as string)) as Job;
  expect((await call(`${ofLane}/${failed.id}/retry`, 'PUT', {})).status).toBeLessThan(300);
  await expect
    .poll(async () => ((await queue.getJob(failed.id as string)) as Job).processedOn)
    .toBeGreaterThan(processedOn);
});
