import { JOB_CLAIMS_MAX } from '@flashclaim/core';
import { laneName, lanePrefix } from '@flashclaim/lanes';
import { afterEach, describe, expect, test } from 'vitest';
import { call, claim, countStatuses, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
let url: string;
afterEach(() => system?.close());

const start = async (env: Record<string, string>): Promise<void> => {
  system = await startSystem({ workers: 0, env: { CLAIM_LANES: '1', ...env } });
  url = system.urls[0] as string;
  await createCoupon(url, 'hot', 100_000);
};

const claimAll = (first: number, count: number): Promise<Reply[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => claim(url, 'hot', `user-${first + i}`)));

const jobs = (): Promise<number> => system.stores.redis.llen(`${lanePrefix(0)}:${laneName(0)}:wait`);

describe('without any worker', () => {
  test('claims that do not wait still share jobs', async () => {
    await start({ CLAIM_WAIT_MS: '0' });
    const replies: Promise<Reply>[] = [];
    while (replies.length < 200) {
      replies.push(claim(url, 'hot', `user-${replies.length}`));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(countStatuses(await Promise.all(replies))).toEqual({ 202: 200 });
    expect(await jobs()).toBeLessThan(100);
  });

  test('a lane takes a bounded number of claims; what it took is decided, and nothing else', async () => {
    await start({ CLAIM_WAIT_MS: '200' });
    const replies: Reply[] = [];
    await until(async () => {
      replies.push(...(await claimAll(replies.length, 250)));
      return (countStatuses(replies)[503] ?? 0) > 500;
    });
    // In a blocked lane, a claim whose wait ends before it may be sent is answered `unavailable`.
    for (const { status, body } of replies)
      expect(status === 202 ? ['pending'] : ['overloaded', 'unavailable']).toContain(body.code);
    const taken = countStatuses(replies)[202] as number;
    expect(taken).toBeGreaterThanOrEqual(250);
    expect(taken).toBeLessThan(2 * JOB_CLAIMS_MAX);
    // Reading and creating go on.
    expect((await readCoupon(url, 'hot')).claimed_count).toBe(0);
    await createCoupon(url, 'other', 1);

    await system.addWorker();
    await until(async () => (await readCoupon(url, 'hot')).claimed_count === taken);
    await until(async () => (await claim(url, 'hot', 'later')).status !== 503);
    await until(async () => (await readCoupon(url, 'hot')).claimed_count === taken + 1);
    await expectExact(system.stores.mongo);
  });
});

describe('while as many claims wait as may', () => {
  test('the next claims get a random Retry-After, before their bodies are read', async () => {
    await start({ CLAIMS_PENDING_MAX: '1', CLAIM_WAIT_MS: '60000' });
    const waiting = claim(url, 'hot', 'waits');
    await until(async () => (await jobs()) === 1);
    const replies = await claimAll(0, 60);
    expect(countStatuses(replies)).toEqual({ 503: 60 });
    const seconds = new Set(replies.map(({ headers }) => headers.get('retry-after')));
    expect(seconds.size).toBeGreaterThan(1);
    for (const second of seconds) expect(second).toMatch(/^[123]$/);
    expect((await call(`${url}/api/coupons/claim`, 'POST', '{')).body.code).toBe('overloaded');
    expect((await call(`${url}/health`, 'GET')).status).toBe(200);
    expect((await readCoupon(url, 'hot')).remaining_amount).toBe(100_000);

    await system.addWorker();
    expect((await waiting).status).toBe(200);
    expect((await claim(url, 'hot', 'user-0')).status).toBe(200);
    expect((await readCoupon(url, 'hot')).claimed_by).toEqual(['waits', 'user-0']);
  });
});
