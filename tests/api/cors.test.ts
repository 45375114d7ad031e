import { afterEach, describe, expect, test } from 'vitest';
import { createCoupon } from '../support/call-api.ts';
import { type System, startSystem } from '../support/system.ts';

const SHOP = 'https://shop.example';

let system: System;
let url: string;
afterEach(() => system?.close());

const start = async (origins: string): Promise<void> => {
  system = await startSystem({ workers: 0, env: { CORS_ORIGINS: origins, ADMIN_TOKEN: '' } });
  url = system.urls[0] as string;
};

const preflight = (path: string, origin: string): Promise<Response> =>
  fetch(url + path, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
  });

const corsHeaders = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('with a list of origins', () => {
  test('pages of these origins alone may call /api/, and no other address', async () => {
    await start(`${SHOP},http://localhost:3000`);

    const asked = await preflight('/api/coupons/claim', SHOP);
    expect(asked.status).toBe(204);
    expect(Object.fromEntries(asked.headers)).toMatchObject({
      'access-control-allow-origin': SHOP,
      'access-control-allow-headers': 'authorization, content-type, idempotency-key, prefer, if-none-match',
      'access-control-max-age': '600',
      vary: 'Origin',
    });
    const methods = asked.headers.get('access-control-allow-methods')?.split(', ');
    expect(methods).toEqual(expect.arrayContaining(['GET', 'POST']));
    expect(methods).not.toContain('*');
    expect(asked.headers.has('access-control-allow-credentials')).toBe(false);

    for (const origin of ['null', 'https://evil.example', `${SHOP}.evil.example`, 'http://shop.example'])
      expect((await preflight('/api/coupons/claim', origin)).headers.get('access-control-allow-origin')).toBeNull();
    for (const path of ['/live', '/admin/queues', '/health', '/metrics', '/openapi.json', '/api', '/apis/x'])
      for (const answer of [
        await preflight(path, SHOP),
        await fetch(url + path, { redirect: 'manual', headers: { origin: SHOP } }),
      ])
        expect(corsHeaders(answer), path).toEqual([]);
  });

  test('a page can read every answer under /api/, also an error, and the headers that a client needs', async () => {
    await start(SHOP);
    await createCoupon(url, 'coupon', 1);
    const headers = { origin: SHOP };
    const answers = {
      200: await fetch(`${url}/api/coupons/coupon`, { headers }),
      400: await fetch(`${url}/api/coupons/claim`, { method: 'POST', headers }),
      404: await fetch(`${url}/api/nothing`, { headers }),
      405: await fetch(`${url}/api/coupons/claim`, { method: 'PUT', headers }),
    };
    for (const [status, answer] of Object.entries(answers)) {
      expect(answer.status).toBe(Number(status));
      expect(answer.headers.get('access-control-allow-origin')).toBe(SHOP);
      expect(answer.headers.get('vary')).toMatch(/\bOrigin\b/);
      expect(answer.headers.get('access-control-expose-headers')).toBe(
        'location, retry-after, etag, link, idempotency-replayed, preference-applied, x-request-id, ratelimit, ratelimit-policy',
      );
    }
    expect(answers[405].headers.get('allow')).toBe('GET, HEAD, PATCH, POST');
  });

  test('an address takes the same methods as before, and the OpenAPI document does not change', async () => {
    await start(SHOP);
    const options = await fetch(`${url}/api/coupons/claim`, { method: 'OPTIONS' });
    expect([options.status, options.headers.get('allow')]).toEqual([204, 'GET, HEAD, PATCH, POST']);
    expect((await fetch(`${url}/nothing`, { method: 'OPTIONS' })).status).toBe(404);
    expect((await fetch(`${url}/nothing`)).status).toBe(404);
    const { paths } = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(paths)).not.toContain('*');
    expect(Object.keys(paths)).not.toContain('/*');
  });
});

test('with * pages of every origin may call /api/', async () => {
  await start('*');
  for (const origin of ['null', 'https://anywhere.example'])
    expect((await preflight('/api/coupons/claim', origin)).headers.get('access-control-allow-origin')).toBe('*');
});

test('without CORS_ORIGINS no page of another origin may call', async () => {
  await start('');
  for (const answer of [
    await preflight('/api/coupons/claim', SHOP),
    await fetch(`${url}/api/coupons/nothing`, { headers: { origin: SHOP } }),
  ]) {
    expect(corsHeaders(answer)).toEqual([]);
    expect(answer.headers.get('vary') ?? '').not.toContain('Origin');
  }
});
