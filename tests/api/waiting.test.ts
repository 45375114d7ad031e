import { afterEach, describe, expect, test } from 'vitest';
import { call, claim, countStatuses, createCoupon, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { killWithJob } from '../support/kill-with-job.ts';
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

  test('is decided also where the API that took it is gone', async () => {
    const url = await start({ apis: 2, workers: 0, env: { CLAIM_WAIT_MS: '300' } });
    await createCoupon(url, 'slow', 1);
    const reply = await claim(url, 'slow', 'user');
    expect(reply.status).toBe(202);
    system.apis[0]?.kill('SIGKILL');
    await system.apis[0]?.exited;

    const other = system.urls[1] as string;
    const location = reply.headers.get('location') as string;
    expect(await statusOf(other, location)).toMatchObject({ status: 'pending' });
    await system.addWorker();
    await until(async () => (await statusOf(other, location)).status === 'claimed');
    expect((await readCoupon(other, 'slow')).claimed_by).toEqual(['user']);
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

describe('a lost job', () => {
  test('is enqueued again when Redis loses all data', async () => {
    const url = await start({ workers: 0, env: { CLAIM_WAIT_MS: '20000' } });
    await createCoupon(url, 'lost', 5);
    const reply = claim(url, 'lost', 'user');
    await until(async () => (await system.stores.redis.keys('*lane*wait')).length > 0);
    await system.stores.redis.flushdb();
    await system.addWorker();
    expect((await reply).status).toBe(200);
    await expectExact(system.stores.mongo);
  });

  test('whose worker is killed is run by another', async () => {
    const url = await start({ workers: 1, env: { CLAIM_WAIT_MS: '20000' } });
    await createCoupon(url, 'killed', 100_000);
    const replies = await killWithJob(system, url, 'killed');
    await system.addWorker();
    expect(countStatuses(await Promise.all(replies))).toEqual({ 200: replies.length });
    expect((await readCoupon(url, 'killed')).claimed_count).toBe(replies.length);
    await expectExact(system.stores.mongo);
  });

  test('that no worker understands fails, is visible, and the lane goes on', async () => {
    const url = await start({ workers: 1, env: { CLAIM_LANES: '1' } });
    const { Queue } = await import('bullmq');
    const { laneName, lanePrefix } = await import('@flashclaim/lanes');
    const queue = new Queue(laneName(0), { connection: system.stores.redis, prefix: lanePrefix(0) });
    await queue.add('claims', { v: 2, nonsense: true }, { jobId: 'poison', attempts: 5 });
    await until(async () => (await queue.getFailedCount()) === 1);
    await queue.close();
    await createCoupon(url, 'after', 1);
    expect((await claim(url, 'after', 'user')).status).toBe(200);
  });
});
