import { claimIdOfKey } from '@flashclaim/api';
import { afterEach, expect, test } from 'vitest';
import { call, claim, countStatuses, createCoupon, type Reply } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
afterEach(() => system?.close());

test('a claim that is answered `overloaded` is in no lane, and is never granted', async () => {
  system = await startSystem({ workers: 0, env: { CLAIM_WAIT_MS: '60000', CLAIMS_PENDING_MAX: '3' } });
  const url = system.urls[0] as string;
  for (const name of ['hot', 'other']) await createCoupon(url, name, 100);
  const under = (key: string) => ({ 'idempotency-key': key });
  // They were answered `pending`, and are still undecided in this process.
  const taken = await Promise.all(
    ['a', 'b', 'c'].map((user) => claim(url, 'hot', user, { ...under(user), prefer: 'respond-async' })),
  );
  expect(countStatuses(taken)).toEqual({ 202: 3 });

  const refused = (): Promise<Reply[]> =>
    Promise.all([
      claim(url, 'hot', 'late'),
      claim(url, 'other', 'late'),
      claim(url, 'no such coupon', 'late'),
      claim(url, 'hot', 'late', under('late-1')),
      claim(url, 'hot', 'late', { ...under('late-2'), prefer: 'respond-async' }),
      claim(url, 'other', 'late', { prefer: 'wait=0' }),
      // A retry: the claim that it repeats stays what it is.
      claim(url, 'hot', 'a', under('a')),
    ]);
  for (const reply of await refused()) {
    expect(reply).toMatchObject({ status: 503, body: { code: 'overloaded' } });
    expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(reply.headers.get('location')).toBeNull();
  }
  for (const key of ['late-1', 'late-2'])
    expect((await call(`${url}/api/claims/${claimIdOfKey('late', key)}`, 'GET')).status).toBe(404);

  await system.addWorker();
  for (const reply of taken)
    await until(async () => (await call(url + reply.headers.get('location'), 'GET')).body.status === 'claimed');
  // Whatever was in a lane is decided before this.
  for (const name of ['hot', 'other']) expect((await claim(url, name, 'last')).status).toBe(200);
  expect(await system.stores.mongo.claims.distinct('user_id')).toEqual(['a', 'b', 'c', 'last']);
  expect(await system.stores.redis.keys('*:wait')).toEqual([]);
  await expectExact(system.stores.mongo);
  // And there is room again.
  expect((await claim(url, 'hot', 'late', under('late-1'))).status).toBe(200);
});
