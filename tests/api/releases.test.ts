import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, countStatuses, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { type System, startSystem } from '../support/system.ts';
import { AUDIENCE, ISSUER, newKey, tokenOf } from '../support/token-issuer.ts';
import { until } from '../support/until.ts';

let system: System;
let url: string;
afterEach(() => expectExact(system.stores.mongo));

const release = (claimId: string, headers: Record<string, string> = {}) =>
  call(`${url}/api/claims/${claimId}`, 'DELETE', undefined, headers);
const status = async (claimId: string) => (await call(`${url}/api/claims/${claimId}`, 'GET')).body;
const change = (coupon: string, body: object) => call(`${url}/api/coupons/${coupon}`, 'PATCH', body);
const KEY = { 'idempotency-key': 'key-of-user' };

describe('a release', () => {
  beforeAll(async () => {
    system = await startSystem();
    url = system.urls[0] as string;
  });
  afterAll(() => system?.close());

  test('returns the unit, and its user and others may claim again with the next numbers', async () => {
    await createCoupon(url, 'returned', 1);
    const { body: granted } = await claim(url, 'returned', 'user', KEY);
    expectProblem(await claim(url, 'returned', 'other'), 'out_of_stock');
    const released = await release(granted.claim_id);
    const { message: _, ...unit } = granted;
    expect(released).toMatchObject({ status: 200, body: { ...unit, status: 'released', code: 'released' } });
    expect(Date.parse(released.body.ended_at)).toBeGreaterThanOrEqual(Date.parse(granted.claimed_at));
    expect(released.body).not.toHaveProperty('message');
    expect(await status(granted.claim_id)).toEqual(released.body);
    expect(await readCoupon(url, 'returned')).toMatchObject({ remaining_amount: 1, claimed_by: [], claimed_count: 0 });

    // A retry of the claim is the released claim; a new claim gets the unit.
    expectProblem(await claim(url, 'returned', 'user', KEY), 'claim_released');
    expect(await claim(url, 'returned', 'user')).toMatchObject({ status: 200, body: { sequence: 2 } });
    expect(await readCoupon(url, 'returned')).toMatchObject({ remaining_amount: 0, claimed_by: ['user'] });
    expect(await release(granted.claim_id)).toMatchObject({ status: 200, body: released.body });
  });

  test('may have a Content-Type without a body', async () => {
    await createCoupon(url, 'typed', 1);
    const { body } = await claim(url, 'typed', 'user');
    for (const type of ['application/json', 'text/plain'])
      expect(await release(body.claim_id, { 'content-type': type })).toMatchObject({ status: 200 });
  });

  test('that fifty callers send at once returns one unit, and each is answered 200 with the same end', async () => {
    await createCoupon(url, 'once', 3);
    const { body } = await claim(url, 'once', 'user');
    const replies = await Promise.all(Array.from({ length: 50 }, () => release(body.claim_id)));
    expect(countStatuses(replies)).toEqual({ 200: 50 });
    expect(new Set(replies.map((reply) => reply.body.ended_at)).size).toBe(1);
    expect(await readCoupon(url, 'once')).toMatchObject({ remaining_amount: 3 });
  });

  test('of units that users wait for sells each of them again', async () => {
    await createCoupon(url, 'again', 5);
    const first = await Promise.all(Array.from({ length: 5 }, (_, i) => claim(url, 'again', `first ${i}`)));
    const late = (round: number) => Promise.all([1, 2, 3].map((i) => claim(url, 'again', `late ${round} ${i}`)));
    const rounds: Reply[][] = [];
    const releases = Promise.all(first.map(({ body }) => release(body.claim_id)));
    for (let round = 0; round < 20; round++) rounds.push(await late(round));
    expect(countStatuses(await releases)).toEqual({ 200: 5 });
    const granted = rounds.flat().filter((reply) => reply.status === 200);
    expect(granted.map((reply) => reply.body.sequence).sort()).toEqual([10, 6, 7, 8, 9]);
    expect(await readCoupon(url, 'again')).toMatchObject({ remaining_amount: 0, claimed_count: 5 });
  });

  test('of an unknown, a refused or an undecided claim is a problem, and changes nothing', async () => {
    expectProblem(await release('no-such-claim'), 'not_found');
    await createCoupon(url, 'empty', 1);
    await claim(url, 'empty', 'user');
    const refused = await claim(url, 'empty', 'other', { prefer: 'respond-async' });
    await until(async () => (await status(refused.body.claim_id)).status === 'refused');
    expectProblem(await release(refused.body.claim_id), 'not_found');
    expect(await readCoupon(url, 'empty')).toMatchObject({ remaining_amount: 0 });
  });
});

describe('who may release', () => {
  const ADMIN = 'an admin token for tests';
  const KEY_OF_SHOP = 'a claim key for tests';
  let token: string;
  beforeAll(async () => {
    const key = await newKey('any');
    token = await tokenOf(key, 'user');
    const tokens = { CLAIM_JWT_ISSUER: ISSUER, CLAIM_JWT_AUDIENCE: AUDIENCE, CLAIM_JWT_PUBLIC_KEY: key.pem };
    system = await startSystem({ env: { ADMIN_TOKEN: ADMIN, CLAIM_API_KEYS: KEY_OF_SHOP, ...tokens } });
    url = system.urls[0] as string;
  });
  afterAll(() => system?.close());

  test('admin, and callers with an API key; a user does not, even the own claim', async () => {
    const as = (secret: string) => ({ authorization: `Bearer ${secret}` });
    await call(`${url}/api/coupons`, 'POST', { name: 'owned', amount: 2 }, as(ADMIN));
    const { body: one } = await claim(url, 'owned', 'user', as(token));
    const { body: two } = await claim(url, 'owned', 'other', as(KEY_OF_SHOP));
    for (const headers of [{}, as(token), as('wrong')])
      expectProblem(await release(one.claim_id, headers), 'unauthorized');
    expect((await release(one.claim_id, as(KEY_OF_SHOP))).status).toBe(200);
    expect((await release(two.claim_id, as(ADMIN))).status).toBe(200);
  });
});

describe('without a worker', () => {
  beforeAll(async () => {
    system = await startSystem({ env: { CLAIM_WAIT_MS: '300' } });
    url = system.urls[0] as string;
  });
  afterAll(() => system?.close());

  test('a release is answered 202 and made later; an undecided claim can not be released', async () => {
    await createCoupon(url, 'waits', 2);
    const { body } = await claim(url, 'waits', 'user');
    await until(async () => (await status(body.claim_id)).status === 'claimed');
    await system.workers[0]?.stop();
    const pending = await release(body.claim_id);
    expect(pending).toMatchObject({ status: 202, body: { status: 'claimed' } });
    expect(pending.headers.get('location')).toBe(`/api/claims/${body.claim_id}`);
    const undecided = await claim(url, 'waits', 'other');
    expect(undecided.status).toBe(202);
    const tooEarly = await release(undecided.body.claim_id);
    expectProblem(tooEarly, 'claim_pending');
    expect(tooEarly.headers.get('retry-after')).toBe('1');

    await system.addWorker();
    await until(async () => (await status(body.claim_id)).status === 'released');
    await until(async () => (await status(undecided.body.claim_id)).status === 'claimed');
    expect(await readCoupon(url, 'waits')).toMatchObject({ remaining_amount: 1, claimed_by: ['other'] });
  });
});

describe('a sale that is not open', () => {
  beforeAll(async () => {
    system = await startSystem({ apis: 2, workers: 2 });
    url = system.urls[0] as string;
  });
  afterAll(() => system?.close());

  test('refuses with the reason, after already_claimed and before out_of_stock', async () => {
    await createCoupon(url, 'closed', 1);
    await claim(url, 'closed', 'user');
    expect((await change('closed', { paused: true })).status).toBe(200);
    expectProblem(await claim(url, 'closed', 'user'), 'already_claimed');
    const refused = await claim(url, 'closed', 'other');
    expectProblem(refused, 'sale_not_open');
    expect(refused.body.reason).toBe('paused');
    await change('closed', { ends_at: '2020-01-01T00:00:00Z' });
    expect((await claim(url, 'closed', 'other')).body.reason).toBe('ended');
    await change('closed', { ends_at: null, paused: false, starts_at: '2999-01-01T00:00:00+02:00' });
    expect((await claim(url, 'closed', 'other')).body.reason).toBe('not_started');
    await change('closed', { starts_at: null, amount: 2 });
    expect((await claim(url, 'closed', 'other')).status).toBe(200);
  });

  test('grants nothing after a pause is answered, whichever process is asked, and sells again at once after it', async () => {
    await createCoupon(url, 'paused', 100_000);
    let users = 0;
    for (let round = 0; round < 5; round++) {
      let isSelling = true;
      const callers = Array.from({ length: 20 }, async (_, caller) => {
        while (isSelling) await claim(system.urls[caller % 2] as string, 'paused', `user ${++users}`);
      });
      await until(async () => (await readCoupon(url, 'paused')).claimed_count > round * 20 + 20);
      expect((await change('paused', { paused: true })).status).toBe(200);
      const { claimed_count } = await readCoupon(url, 'paused');
      const after = await Promise.all(system.urls.map((one, i) => claim(one, 'paused', `late ${round} ${i}`)));
      expect(after.map((reply) => reply.body.reason)).toEqual(['paused', 'paused']);
      isSelling = false;
      await Promise.all(callers);
      expect((await readCoupon(url, 'paused')).claimed_count).toBe(claimed_count);
      expect((await change('paused', { paused: false })).status).toBe(200);
      const again = await Promise.all(system.urls.map((one, i) => claim(one, 'paused', `again ${round} ${i}`)));
      expect(countStatuses(again)).toEqual({ 200: 2 });
    }
  });

  test('lets callers through who were refused before a restock', async () => {
    await createCoupon(url, 'restocked', 1);
    await claim(url, 'restocked', 'first');
    for (let amount = 2; amount < 12; amount++) {
      const users = system.urls.map((one) => claim(one, 'restocked', `user ${amount}`));
      for (const refused of await Promise.all(users)) expectProblem(refused, 'out_of_stock');
      expect((await change('restocked', { amount })).status).toBe(200);
      expect((await claim(system.urls[amount % 2] as string, 'restocked', `user ${amount}`)).status).toBe(200);
    }
  });
});
