import { afterEach, describe, expect, test } from 'vitest';
import { call, countStatuses, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { RawConnection, rawPost } from '../support/raw-connection.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
let url: string;
afterEach(() => system?.close());

const start = async (env: Record<string, string>, options: SystemOptions = {}): Promise<void> => {
  system = await startSystem({ ...options, env });
  url = system.urls[0] as string;
  await createCoupon(url, 'limited', 1_000);
};

/** A claim by way of a proxy that names the caller's address. */
const claimFrom = (address: string, user_id: unknown, base = url): Promise<Reply> =>
  call(`${base}/api/coupons/claim`, 'POST', { user_id, coupon_name: 'limited' }, { 'x-forwarded-for': address });

const expectLimited = (reply: Reply, of: string): void => {
  expect(reply).toMatchObject({ status: 429, body: { code: 'rate_limited', status: 429 } });
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(reply.body.detail).toContain(of);
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(Number(reply.headers.get('retry-after'))).toBeLessThanOrEqual(60);
};

/** The limits and what remains of each, as the headers say. */
const limitsOf = ({ headers }: Reply): [policy: string | null, remaining: string | undefined] => [
  headers.get('ratelimit-policy'),
  headers.get('ratelimit')?.replaceAll(/;t=([1-9]|[1-5]\d|60)(?!\d)/g, ''),
];

describe('a limit for each address', () => {
  test('counts the claims of all API processes together, and no other call', async () => {
    await start({ RATE_LIMIT_PER_ADDRESS: '4', TRUST_PROXY: 'true' }, { apis: 2 });
    const other = { 'x-forwarded-for': '192.0.2.1' };
    for (let i = 0; i < 6; i++) await call(`${url}/api/coupons/limited`, 'GET', undefined, other);
    const replies: Reply[] = [];
    for (let i = 0; i < 6; i++) replies.push(await claimFrom('192.0.2.1', `user-${i}`, system.urls[i % 2]));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200, 200, 429, 429]);
    expect(replies.map(limitsOf)).toEqual(
      [3, 2, 1, 0, 0, 0].map((remaining) => ['"address";q=4;w=60', `"address";r=${remaining}`]),
    );
    expectLimited(replies[5] as Reply, 'this address');
    // Another address, and other calls of this one, go on.
    expect((await claimFrom('192.0.2.2', 'user-9')).status).toBe(200);
    expect((await readCoupon(url, 'limited')).claimed_count).toBe(5);
    expect((await call(`${url}/health`, 'GET')).status).toBe(200);
  });

  test('counts invalid claims, too, because it is checked before anybody is authenticated and before the body', async () => {
    await start({ RATE_LIMIT_PER_ADDRESS: '2', CLAIM_API_KEYS: 'a claim key for tests' }, { workers: 0 });
    const statuses: number[] = [];
    const key = { authorization: 'Bearer a claim key for tests' };
    for (const headers of [{}, key, key] as Record<string, string>[])
      statuses.push((await call(`${url}/api/coupons/claim`, 'POST', '{', headers)).status);
    expect(statuses).toEqual([401, 400, 429]);
  });

  test('takes an IPv6 network for one address, and a caller whose proxy names none for the proxy', async () => {
    await start({ RATE_LIMIT_PER_ADDRESS: '2', TRUST_PROXY: '127.0.0.1' });
    const addresses = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8:0:1::1'];
    const replies: Reply[] = [];
    for (const [i, address] of addresses.entries()) replies.push(await claimFrom(address, `user-${i}`));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 429, 200]);

    for (const name of ['unknown', 'x'.repeat(12_000)])
      expect((await claimFrom(name, name.slice(0, 9))).status).toBe(200);
    expectLimited(await claimFrom('also unknown', 'user'), 'this address');
    for (const key of await system.stores.redis.keys('flashclaim:rate:*')) expect(key.length).toBeLessThan(100);
  });

  test('takes a connection that is reset at once for a caller like another', async () => {
    await start({ RATE_LIMIT_PER_ADDRESS: '1000' });
    const problems = async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return new Set([...text.matchAll(/^flashclaim_problems_total\{code="(\w+)"\} [1-9]/gm)].map(([, code]) => code));
    };
    await until(async () => {
      const caller = await RawConnection.open(url);
      caller.send(rawPost('/api/coupons/claim', JSON.stringify({ user_id: 'reset', coupon_name: 'none' })));
      // What was sent is on its way by then.
      await new Promise(setImmediate);
      caller.reset();
      return (await problems()).has('coupon_not_found');
    });
    expect(await problems()).toEqual(new Set(['coupon_not_found']));
  });

  test('believes nobody who names another address, unless a proxy is trusted', async () => {
    await start({ RATE_LIMIT_PER_ADDRESS: '2' });
    const replies = await Promise.all(Array.from({ length: 5 }, (_, i) => claimFrom(`192.0.2.${i}`, `user-${i}`)));
    expect(countStatuses(replies)).toEqual({ 200: 2, 429: 3 });
  });
});

describe('a limit for each user', () => {
  test('counts by the name in its normal form, beside the limit for the address', async () => {
    await start({ RATE_LIMIT_PER_ADDRESS: '5', RATE_LIMIT_PER_USER: '2', TRUST_PROXY: '1' });
    const zoe = await Promise.all(['zoë', 'zoe\u0308', 'zoë'].map((user, i) => claimFrom(`192.0.2.${i}`, user)));
    expect(countStatuses(zoe)).toEqual({ 200: 1, 409: 1, 429: 1 });
    expectLimited(zoe.find(({ status }) => status === 429) as Reply, 'this user');
    const others: Reply[] = [];
    for (let i = 0; i < 6; i++) others.push(await claimFrom('192.0.2.99', `user-${i}`));
    expect(countStatuses(others)).toEqual({ 200: 5, 429: 1 });
    // A user who was rejected with the address was not counted as a user.
    expect(limitsOf(await claimFrom('192.0.2.50', 'user-5'))).toEqual([
      '"address";q=5;w=60, "user";q=2;w=60',
      '"address";r=4, "user";r=1',
    ]);
    expect(limitsOf(others[5] as Reply)).toEqual(['"address";q=5;w=60', '"address";r=0']);
  });
});

test('without a limit nothing is counted, and no header speaks of one', async () => {
  await start({});
  const reply = await claimFrom('192.0.2.1', 'user');
  expect(reply.status).toBe(200);
  expect([...reply.headers.keys()].filter((name) => name.startsWith('ratelimit'))).toEqual([]);
  expect(await system.stores.redis.keys('flashclaim:rate:*')).toEqual([]);
});
