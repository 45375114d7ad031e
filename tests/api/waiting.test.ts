import { afterEach, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
afterEach(() => system?.close());

const start = async (options: Parameters<typeof startSystem>[0]): Promise<string> => {
  system = await startSystem(options);
  return system.urls[0] as string;
};

const statusOf = async (url: string, location: string) => (await call(url + location, 'GET')).body;

describe('a claim that is not decided in time', () => {
  test('is answered 202, and decided all the same', async () => {
    const url = await start({ workers: 0, env: { CLAIM_WAIT_MS: '300' } });
    await createCoupon(url, 'slow', 1);
    const replies = await Promise.all([claim(url, 'slow', 'first'), claim(url, 'slow', 'second')]);
    for (const reply of replies) {
      expect(reply).toMatchObject({ status: 202, body: { status: 'pending', code: 'pending', coupon_name: 'slow' } });
      expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(reply.headers.get('location')).toBe(`/api/claims/${reply.body.claim_id}`);
    }
    const [first, second] = replies.map((reply) => reply.headers.get('location') as string) as [string, string];
    expect(await statusOf(url, first)).toMatchObject({ status: 'pending', user_id: 'first' });

    await system.addWorker();
    await until(async () => (await statusOf(url, second)).status !== 'pending');
    expect(await statusOf(url, first)).toMatchObject({ status: 'claimed', code: 'claimed', user_id: 'first' });
    expect(await statusOf(url, second)).toMatchObject({ status: 'refused', code: 'out_of_stock', user_id: 'second' });
    expect(await system.stores.redis.keys('flashclaim:pending:*')).toEqual([]);
    await expectExact(system.stores.mongo);
  });

  test('an id that nobody was given is not found', async () => {
    const url = await start({ workers: 0 });
    expect(await call(`${url}/api/claims/nobody`, 'GET')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });
});

describe('more claims than may wait', () => {
  test('are refused at once, and nothing of them is done', async () => {
    const url = await start({ workers: 0, env: { CLAIM_WAIT_MS: '20000', CLAIMS_PENDING_MAX: '3' } });
    await createCoupon(url, 'hot', 10);
    const replies = Promise.all(Array.from({ length: 8 }, (_, i) => claim(url, 'hot', `user-${i}`)));
    await until(async () => (await system.stores.redis.keys('*lane*wait')).length > 0);
    await system.addWorker();
    const statuses = (await replies).map((reply) => reply.status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.filter((status) => status === 503)).toHaveLength(5);
    const refused = (await replies).find((reply) => reply.status === 503);
    expect(refused?.body.code).toBe('overloaded');
    expect(refused?.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await readCoupon(url, 'hot')).claimed_count).toBe(3);
  });
});
