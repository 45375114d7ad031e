import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { type System, startSystem } from '../support/system.ts';

const TOKEN = 'a token for tests';

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ workers: 0, env: { ADMIN_TOKEN: TOKEN, CLAIM_LANES: '2' } });
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

const bearer = { authorization: `Bearer ${TOKEN}` };
const basic = { authorization: `Basic ${Buffer.from(`anybody:${TOKEN}`).toString('base64')}` };

describe('once ADMIN_TOKEN is set', () => {
  test.each([
    ['nothing', {}],
    ['another token', { authorization: 'Bearer another' }],
    ['another password', { authorization: `Basic ${Buffer.from('anybody:another').toString('base64')}` }],
    ['half a header', { authorization: 'Bearer' }],
    ['an unknown scheme', { authorization: `Digest ${TOKEN}` }],
  ])('a coupon cannot be created with %s', async (_, headers) => {
    const reply = await call(
      `${url}/api/coupons`,
      'POST',
      { name: 'closed', amount: 1 },
      headers as Record<string, string>,
    );
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(reply.headers.get('www-authenticate')).toContain('Basic');
    expect(await system.stores.mongo.coupons.countDocuments({ name: 'closed' })).toBe(0);
  });

  test('a wrong body does not tell more than a missing token', async () => {
    expect((await call(`${url}/api/coupons`, 'POST', {})).status).toBe(401);
  });

  test.each([
    ['Bearer', bearer],
    ['Basic', basic],
  ])('a coupon can be created with the token as %s', async (scheme, headers) => {
    const reply = await call(`${url}/api/coupons`, 'POST', { name: `open ${scheme}`, amount: 1 }, headers);
    expect(reply.status).toBe(201);
  });

  test('the queues page is closed without it, and shows every lane with it', async () => {
    expect((await fetch(`${url}/admin/queues`)).status).toBe(401);
    expect((await fetch(`${url}/admin/queues/api/queues`)).status).toBe(401);
    const page = await fetch(`${url}/admin/queues`, { headers: basic });
    expect(await page.text()).toContain('Flashclaim');
    const { body } = await call(`${url}/admin/queues/api/queues`, 'GET', undefined, basic);
    const names = body.queues.map((queue: { name: string }) => queue.name);
    expect(names).toEqual(['lane-0', 'lane-1', 'decided']);
    expect(body.queues[0]).toMatchObject({ name: 'lane-0', readOnlyMode: true });
  });

  test('callers of a sale need none', async () => {
    expect((await call(`${url}/api/coupons/missing`, 'GET')).status).toBe(404);
    expect((await call(`${url}/health`, 'GET')).status).toBe(200);
  });
});
