import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { claim, countStatuses, createCoupon, readCoupon } from '../support/call-api.ts';
import { countAddedJobs } from '../support/count-added-jobs.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let url: string;
let count = 0;
let name: string;

beforeAll(async () => {
  system = await startSystem();
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

/** A coupon whose one unit `winner` holds, and that the API knows to be sold out. */
beforeEach(async () => {
  name = `sold out ${count++}`;
  await createCoupon(url, name, 1);
  expect((await claim(url, name, 'winner')).status).toBe(200);
  expect((await claim(url, name, 'teaches the API')).status).toBe(400);
});

test('a coupon that is sold out is refused without a job, and truly', async () => {
  const before = await countAddedJobs(system.stores.redis);
  const users = Array.from({ length: 60 }, (_, i) => (i % 3 === 0 ? 'winner' : `late-${i % 7}`));
  const replies = await Promise.all(users.map((user) => claim(url, name, user)));
  expect(countStatuses(replies)).toEqual({ 400: 40, 409: 20 });
  for (const [i, reply] of replies.entries())
    expect(reply.body.code).toBe(users[i] === 'winner' ? 'already_claimed' : 'out_of_stock');
  expect(await countAddedJobs(system.stores.redis)).toBe(before);
});

test('an existing claim under a key is answered without a job', async () => {
  const key = (user: string) => ({ 'idempotency-key': `${user}-${count}` });
  await system.stores.mongo.coupons.updateOne({ name }, { $inc: { amount: 1, remaining_amount: 1 } });
  const { body } = await claim(url, name, 'keyed', key('keyed'));
  await createCoupon(url, `${name}, another`, 1);
  expect((await claim(url, `${name}, another`, 'elsewhere', key('elsewhere'))).status).toBe(200);
  expect((await claim(url, name, 'teaches the API')).status).toBe(400);
  const before = await countAddedJobs(system.stores.redis);
  const replies = await Promise.all([
    claim(url, name, 'keyed', key('keyed')),
    claim(url, name, 'elsewhere', key('elsewhere')),
    claim(url, name, 'another', key('keyed')),
    claim(url, name, 'winner', key('winner')),
    claim(url, name, 'late', key('late')),
  ]);
  expect(replies.map((reply) => reply.status)).toEqual([200, 422, 400, 409, 400]);
  expect(replies[0]).toMatchObject({ status: 200, body });
  expect(replies[0]?.headers.get('idempotency-replayed')).toBe('true');
  expect(await countAddedJobs(system.stores.redis)).toBe(before);
});

test('a restock is seen at once', async () => {
  await system.stores.mongo.coupons.updateOne({ name }, { $inc: { amount: 2, remaining_amount: 2 } });
  const users = ['winner', 'a', 'a', 'b', 'c', 'd'];
  const replies = await Promise.all(users.map((user) => claim(url, name, user)));
  expect(replies[0]?.status).toBe(409);
  expect(countStatuses(replies)[200]).toBe(2);
  expect(await readCoupon(url, name)).toMatchObject({ remaining_amount: 0, claimed_count: 3 });
  await expectExact(system.stores.mongo);
});

test('a unit that was given back can be claimed, also by who gave it back', async () => {
  const { claims, coupons } = system.stores.mongo;
  await claims.deleteOne({ coupon_name: name, user_id: 'winner' });
  await coupons.updateOne({ name }, { $inc: { remaining_amount: 1 } });
  expect((await claim(url, name, 'winner')).status).toBe(200);
  expect((await claim(url, name, 'late')).status).toBe(400);
});

test('a new sale of the same name is another sale', async () => {
  await system.stores.mongo.coupons.deleteOne({ name });
  expect((await claim(url, name, 'late')).status).toBe(404);
  await createCoupon(url, name, 1);
  expect((await claim(url, name, 'late')).status).toBe(200);
});
