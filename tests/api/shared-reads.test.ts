import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, claim, createCoupon, type Reply } from '../support/call-api.ts';
import { type System, startSystem } from '../support/system.ts';

const CALLERS = 200;

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem();
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

const read = (name: string, query = ''): Promise<Reply> => call(`${url}/api/coupons/${name}${query}`, 'GET');

test('callers who come while a read is in flight share the next one', async () => {
  await createCoupon(url, 'shared', 5);
  const { db } = system.stores.mongo;
  await db.command({ profile: 2 });
  const replies = await Promise.all(Array.from({ length: CALLERS }, () => read('shared')));
  await db.command({ profile: 0 });
  for (const { status, body } of replies) expect([status, body.name]).toEqual([200, 'shared']);
  const reads = await db
    .collection('system.profile')
    .countDocuments({ appName: 'flashclaim-api', 'command.aggregate': 'coupons' });
  expect(reads).toBeGreaterThan(0);
  expect(reads).toBeLessThan(CALLERS / 4);
});

test('a user who was granted a unit reads it, also while many others read', async () => {
  await createCoupon(url, 'fresh', 50);
  let isOver = false;
  const others = Array.from({ length: 20 }, async () => {
    while (!isOver) await read('fresh');
  });
  for (let claimed = 1; claimed <= 50; claimed++) {
    expect((await claim(url, 'fresh', `user-${claimed}`)).status).toBe(200);
    expect((await read('fresh')).body.claimed_count).toBe(claimed);
  }
  isOver = true;
  await Promise.all(others);
});

test('callers share only what they asked for alike: another limit is another answer', async () => {
  const [all, two, missing] = await Promise.all([read('fresh'), read('fresh', '?limit=2'), read('missing')]);
  expect([all?.body.claimed_by.length, two?.body.claimed_by.length, missing?.status]).toEqual([50, 2, 404]);
});
