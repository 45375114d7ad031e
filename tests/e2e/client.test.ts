import { type Client, type Clock, createClient, systemClock } from '@flashclaim/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

const TOKEN = 'a token for tests';

const allOf = async <T>(list: AsyncIterable<T>): Promise<T[]> => {
  const entries: T[] = [];
  for await (const entry of list) entries.push(entry);
  return entries;
};

describe('every call has its outcomes', () => {
  let system: System;
  let baseUrl: string;
  let client: Client;
  beforeAll(async () => {
    system = await startSystem({ env: { ADMIN_TOKEN: TOKEN } });
    baseUrl = system.urls[0] as string;
    client = createClient({ baseUrl, token: TOKEN });
  });
  afterAll(() => system?.close());

  test('createCoupon', async () => {
    const created = await client.createCoupon({ name: 'new', amount: 3 });
    expect(created).toMatchObject({ outcome: 'created', coupon: { name: 'new', amount: 3, remaining_amount: 3 } });
    expect(await client.createCoupon({ name: 'new', amount: 9 })).toEqual({ outcome: 'name_taken' });
  });

  test('createCoupon without the token, or without an amount', async () => {
    const another = createClient({ baseUrl }).createCoupon({ name: 'other', amount: 1 });
    await expect(another).rejects.toMatchObject({ name: 'FlashclaimError', code: 'unauthorized', status: 401 });
    const wrong = client.createCoupon({ name: 'other', amount: 0 });
    await expect(wrong).rejects.toMatchObject({ code: 'invalid_request', requestId: expect.any(String) });
    await expect(wrong).rejects.toThrow(/^amount must/);
    expect(await client.coupon('other')).toBeNull();
  });

  test.each(['a/b', '100% off', 'a?b#c', '🎟️', 'mu\u0308sli', 'a  b'])('coupon %j, with its users', async (name) => {
    await client.createCoupon({ name, amount: 3 });
    for (const userId of ['first', 'second']) await client.claim({ userId, couponName: name });
    expect(await client.coupon(name)).toMatchObject({ remaining_amount: 1, claimed_by: ['first', 'second'] });
    expect(await client.coupon(name, { limit: 1 })).toMatchObject({ claimed_count: 2, claimed_by: ['first'] });
    await expect(client.coupon(name, { limit: 5_000 })).rejects.toMatchObject({ code: 'invalid_request' });
  });

  test('claim', async () => {
    await client.createCoupon({ name: 'one', amount: 1 });
    const claimed = await client.claim({ userId: 'user', couponName: 'one' });
    expect(claimed).toMatchObject({
      outcome: 'claimed',
      replayed: false,
      claim: { user_id: 'user', coupon_name: 'one' },
    });
    expect(await client.claim({ userId: 'user', couponName: 'one' })).toEqual({ outcome: 'already_claimed' });
    expect(await client.claim({ userId: 'late', couponName: 'one' })).toEqual({ outcome: 'out_of_stock' });
    expect(await client.claim({ userId: 'user', couponName: 'none' })).toEqual({ outcome: 'coupon_not_found' });
    const wrong = client.claim({ userId: ' ', couponName: 'one' });
    await expect(wrong).rejects.toMatchObject({
      name: 'ClaimError',
      code: 'invalid_request',
      claimed: 'no',
      attempts: 1,
    });
    await expect(wrong).rejects.toThrow(/^user_id must/);
  });

  test('claimStatus', async () => {
    await client.createCoupon({ name: 'asked for', amount: 1 });
    const claimed = await client.claim({ userId: 'user', couponName: 'asked for' });
    if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
    expect(await client.claimStatus(claimed.claim.claim_id)).toEqual({
      message: 'coupon claimed successfully',
      ...claimed.claim,
      status: 'claimed',
      code: 'claimed',
    });
    expect(await client.claimStatus('nobody')).toBeNull();
  });

  test('release', async () => {
    await client.createCoupon({ name: 'returned', amount: 1 });
    const request = { userId: 'user', couponName: 'returned' };
    const key = { idempotencyKey: 'order-1' };
    const claimed = await client.claim(request, key);
    if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
    const released = await client.release(claimed.claim.claim_id);
    expect(released).toMatchObject({ outcome: 'released', claim: { ...claimed.claim, ended_at: expect.any(String) } });
    expect(await client.release(claimed.claim.claim_id)).toEqual(released);
    expect(await client.claim(request, key)).toEqual({ outcome: 'claim_released' });
    expect(await client.claim(request)).toMatchObject({ outcome: 'claimed', claim: { sequence: 2 } });
    expect(await client.release('nobody')).toEqual({ outcome: 'not_found' });
  });

  test('updateCoupon', async () => {
    await client.createCoupon({ name: 'changed', amount: 2, ends_at: '2100-01-01T00:00:00+01:00' });
    const request = { userId: 'user', couponName: 'changed' };
    for (const userId of ['first', 'second']) await client.claim({ ...request, userId });
    const paused = await client.updateCoupon('changed', { paused: true, version: 1 });
    expect(paused).toMatchObject({
      outcome: 'updated',
      coupon: { version: 2, state: 'paused', paused: true, ends_at: '2099-12-31T23:00:00.000Z' },
    });
    expect(await client.claim(request)).toEqual({ outcome: 'sale_not_open', reason: 'paused' });
    expect(await client.updateCoupon('changed', { amount: 5, version: 1 })).toEqual({ outcome: 'version_conflict' });
    expect(await client.updateCoupon('changed', { amount: 1 })).toEqual({ outcome: 'amount_below_claimed' });
    expect(await client.updateCoupon('none', { amount: 1 })).toEqual({ outcome: 'coupon_not_found' });
    await client.updateCoupon('changed', { amount: 3, paused: false, ends_at: null });
    expect(await client.claim(request)).toMatchObject({ outcome: 'claimed', claim: { sequence: 3 } });
  });

  test('coupons, claimsOf and claimsOfUser', async () => {
    const names = ['list a', 'list b', 'list c'];
    for (const name of names) await client.createCoupon({ name, amount: 9 });
    for (const userId of ['lister 1', 'lister 2', 'lister 3']) await client.claim({ userId, couponName: 'list a' });
    await client.claim({ userId: 'lister 2', couponName: 'list c' });
    const listed = await allOf(client.claimsOf('list a', { limit: 2 }));
    expect(listed.map(({ user_id, sequence }) => [user_id, sequence])).toEqual([
      ['lister 1', 1],
      ['lister 2', 2],
      ['lister 3', 3],
    ]);
    await client.release(listed[1]?.claim_id ?? '');
    const usersOf = async (status: 'claimed' | 'released') =>
      (await allOf(client.claimsOf('list a', { status }))).map(({ user_id }) => user_id);
    expect([await usersOf('claimed'), await usersOf('released')]).toEqual([['lister 1', 'lister 3'], ['lister 2']]);
    const coupons = await allOf(client.coupons({ q: 'list ', limit: 1 }));
    expect(coupons.map(({ name }) => name)).toEqual(names);
    const ofUser = await allOf(client.claimsOfUser('lister 2'));
    expect(ofUser.map(({ coupon_name, status }) => [coupon_name, status])).toEqual([
      ['list c', 'claimed'],
      ['list a', 'released'],
    ]);
    await expect(client.claimsOf('none').pages().next()).rejects.toMatchObject({ code: 'coupon_not_found' });
  });

  test('health', async () => {
    expect(await client.health()).toEqual({ status: 'ok' });
  });
});

describe('a claim gets its outcome', () => {
  let system: System;
  afterEach(() => system?.close());

  const start = async (env: Record<string, string>): Promise<Client> => {
    system = await startSystem({ workers: 0, env });
    return createClient({ baseUrl: system.urls[0] as string });
  };
  const queued = async () => (await system.stores.redis.keys('*lane*wait')).length > 0;

  test('also where a worker starts long after the client began to wait', async () => {
    const client = await start({ CLAIM_WAIT_MS: '100' });
    await client.createCoupon({ name: 'slow', amount: 1 });
    const claims = ['a', 'b', 'c'].map((userId) => client.claim({ userId, couponName: 'slow' }));
    await until(queued);
    await system.addWorker();
    const outcomes = (await Promise.all(claims)).map(({ outcome }) => outcome);
    expect(outcomes.sort()).toEqual(['claimed', 'out_of_stock', 'out_of_stock']);
    await expectExact(system.stores.mongo);
  });

  test('also where most of them are too many at first', async () => {
    const client = await start({ CLAIMS_PENDING_MAX: '5' });
    await client.createCoupon({ name: 'hot', amount: 10 });
    const claims = Array.from({ length: 40 }, (_, i) => client.claim({ userId: `user-${i}`, couponName: 'hot' }));
    await until(queued);
    await system.addWorker();
    const outcomes = (await Promise.all(claims)).map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(10);
    expect(outcomes.filter((outcome) => outcome === 'out_of_stock')).toHaveLength(30);
    await expectExact(system.stores.mongo);
  });
});

describe('through a network that cuts connections', () => {
  const USERS = 200;
  const UNITS = 50;
  let system: System;
  let proxies: TcpProxy[];
  let answersLost = 0;

  /** Cuts every third piece of data: a request before the API gets it, an answer before its first byte or in the middle. */
  const openCuttingProxy = (url: string): Promise<TcpProxy> => {
    let pieces = 0;
    return openTcpProxy(Number(new URL(url).port), {
      pass: (bytes, direction) => {
        if (pieces++ % 3 > 0) return { bytes, cut: false };
        if (direction === 'to the server') return { bytes: bytes.subarray(0, 0), cut: true };
        answersLost++;
        return { bytes: bytes.subarray(0, answersLost % 2 === 0 ? 0 : bytes.length / 2), cut: true };
      },
    });
  };

  beforeAll(async () => {
    system = await startSystem({ apis: 2, workers: 2 });
    proxies = await Promise.all(system.urls.map(openCuttingProxy));
  });
  afterAll(async () => {
    for (const proxy of proxies) proxy.close();
    await system.close();
  });

  test('every answer is true', async () => {
    // The pauses are a twentieth of what they would be.
    const clock: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) };
    const shops = proxies.map(({ port }) => createClient({ baseUrl: `http://127.0.0.1:${port}`, clock }));
    await createClient({ baseUrl: system.urls[0] as string }).createCoupon({ name: 'cut', amount: UNITS });
    const users = Array.from({ length: USERS }, (_, i) => `user-${i}`);
    const outcomes = await Promise.all(
      users.map((userId, i) => shops[i % 2]?.claim({ userId, couponName: 'cut' }, { attempts: 50, timeoutMs: 60_000 })),
    );

    // Answers to claims that were made got lost. Without a retry under the same key, their callers would be refused.
    expect(answersLost).toBeGreaterThan(0);
    expect(outcomes.some((outcome) => outcome?.outcome === 'claimed' && outcome.replayed)).toBe(true);
    const winners = users.filter((_, i) => outcomes[i]?.outcome === 'claimed');
    expect(winners).toHaveLength(UNITS);
    expect(outcomes.filter((outcome) => outcome?.outcome === 'out_of_stock')).toHaveLength(USERS - UNITS);
    const coupon = await createClient({ baseUrl: system.urls[0] as string }).coupon('cut');
    expect(coupon?.claimed_by?.toSorted()).toEqual(winners.toSorted());
    await expectExact(system.stores.mongo);
  });
});
