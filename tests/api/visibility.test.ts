import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, claim } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { type System, startSystem } from '../support/system.ts';

const TOKEN = 'a token for tests';
const KEY = 'a claim key for tests';

let system: System;
let url: string;
const start = async (env: NodeJS.ProcessEnv) => {
  system = await startSystem({ env });
  url = system.urls[0] as string;
};

const asAdmin = { authorization: `Bearer ${TOKEN}` };
const asBrowser = { authorization: `Basic ${btoa(`anybody:${TOKEN}`)}` };
const asShop = { authorization: `Bearer ${KEY}` };
const read = (headers: Record<string, string> = {}, query = '') =>
  call(`${url}/api/coupons/drop${query}`, 'GET', undefined, headers);

describe('once ADMIN_TOKEN is set', () => {
  beforeAll(async () => {
    await start({ ADMIN_TOKEN: TOKEN, CLAIM_API_KEYS: KEY });
    expect((await call(`${url}/api/coupons`, 'POST', { name: 'drop', amount: 5 }, asAdmin)).status).toBe(201);
    for (const user of ['first', 'second']) expect((await claim(url, 'drop', user, asShop)).status).toBe(200);
  });
  afterAll(() => system?.close());

  test.each([
    ['nobody known', {}],
    ['somebody with a wrong token', { authorization: 'Bearer another token' }],
    ['a caller who may claim', asShop],
  ])('%s reads the counts of a coupon, and no user', async (_, headers) => {
    for (const query of ['', '?limit=1', '?limit=0']) {
      const { status, body, headers: answered } = await read(headers as Record<string, string>, query);
      expect(status).toBe(200);
      expect(body).toMatchObject({ amount: 5, remaining_amount: 3, claimed_count: 2 });
      expect(body).not.toHaveProperty('claimed_by');
      expect(answered.get('vary')).toBe('Authorization');
      expect(answered.get('cache-control') ?? '').not.toContain('private');
    }
  });

  test.each([
    ['Bearer', asAdmin],
    ['Basic', asBrowser],
  ])('admin reads the users (%s), and no shared cache keeps the answer', async (_, headers) => {
    const { body, headers: answered } = await read(headers);
    expect(body).toMatchObject({ claimed_by: ['first', 'second'], claimed_count: 2 });
    expect(answered.get('vary')).toBe('Authorization');
    expect(answered.get('cache-control')).toContain('private');
    expect((await read(headers, '?limit=1')).body.claimed_by).toEqual(['first']);
    const etag = answered.get('etag') as string;
    const unchanged = await read({ ...headers, 'if-none-match': etag });
    expect(unchanged.status).toBe(304);
    expect(unchanged.headers.get('vary')).toBe('Authorization');
    expect(unchanged.headers.get('cache-control')).toContain('private');
    // The tag of one answer is not that of the other.
    expect((await read({ 'if-none-match': etag })).status).toBe(200);
  });

  test('a coupon is created with an answer for admin', async () => {
    const { body, headers } = await call(`${url}/api/coupons`, 'POST', { name: 'new', amount: 1 }, asAdmin);
    expect(body.claimed_by).toEqual([]);
    expect(headers.get('cache-control')).toContain('private');
  });

  test('admin reads every claim, and without a credential nobody does', async () => {
    const { body } = await claim(url, 'drop', 'third', asShop);
    const path = `${url}/api/claims/${body.claim_id}`;
    expect(await call(path, 'GET', undefined, asAdmin)).toMatchObject({ status: 200, body: { user_id: 'third' } });
    expect(await call(path, 'GET', undefined, asBrowser)).toMatchObject({ status: 200 });
    expectProblem(await call(path, 'GET'), 'unauthorized');
    // Admin is no user: the token does not claim.
    expectProblem(await claim(url, 'drop', 'fourth', asAdmin), 'unauthorized');
  });

  test('the metrics are for admin', async () => {
    const withToken = await fetch(`${url}/metrics`, { headers: asAdmin });
    expect(withToken.status).toBe(200);
    const text = await withToken.text();
    expect(text).toContain('flashclaim_problems_total{code="unauthorized"}');
    for (const secret of [TOKEN, KEY, 'first', 'drop']) expect(text).not.toContain(secret);
    for (const headers of [{}, asShop]) {
      const reply = await call(`${url}/metrics`, 'GET', undefined, headers as Record<string, string>);
      expectProblem(reply, 'unauthorized');
    }
  });
});

describe('with nothing set', () => {
  beforeAll(async () => {
    await start({});
    expect((await call(`${url}/api/coupons`, 'POST', { name: 'drop', amount: 5 })).status).toBe(201);
  });
  afterAll(() => system?.close());

  test('everybody reads the users of a coupon, a claim whose id they have, and the metrics', async () => {
    const { body } = await claim(url, 'drop', 'first');
    expect((await read()).body.claimed_by).toEqual(['first']);
    expect((await read()).headers.get('cache-control') ?? '').not.toContain('private');
    expect((await call(`${url}/api/claims/${body.claim_id}`, 'GET')).body.user_id).toBe('first');
    expect((await fetch(`${url}/metrics`)).status).toBe(200);
  });
});
