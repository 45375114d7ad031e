import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createCoupon, readCoupon } from '../support/call-api.ts';
import { openBrowser } from '../support/chromium.ts';
import { openPage } from '../support/live-page.ts';
import { type ShopPage, serveShopPage } from '../support/shop-page.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const COUPON = 'from another origin';

let browser: Browser;
let shop: ShopPage;
let system: System;
let api: string;
let page: Page;
let closePage: () => Promise<void>;
beforeAll(async () => {
  [browser, shop] = await Promise.all([openBrowser(), serveShopPage()]);
});
afterAll(async () => {
  await browser?.close();
  await shop?.close();
});
beforeEach(async () => {
  ({ page, close: closePage } = await openPage(browser, shop.url));
});
afterEach(async () => {
  await closePage();
  await system?.close();
});

const start = async (env: Record<string, string>): Promise<void> => {
  system = await startSystem({ workers: 0, env });
  api = system.urls[0] as string;
  await createCoupon(api, COUPON, 5);
};

/** Runs the body of an async function in the page, with a client of the API. Resolves to what it returns. */
const inPage = <T>(body: string): Promise<T> =>
  page.evaluate<T>(`(async () => {
    const { createClient } = await import('/client/index.ts');
    const api = ${JSON.stringify(api)};
    const client = createClient({ baseUrl: api, headers: { authorization: 'Bearer 0123456789abcdef' } });
    const request = { userId: 'Zoë', couponName: ${JSON.stringify(COUPON)} };
    ${body}
  })()`);

describe('a page of an origin in CORS_ORIGINS', () => {
  test('claims with a key, and a retry with this key is the same claim', async () => {
    await start({ CORS_ORIGINS: shop.url });
    await system.addWorker();
    const claim = "return client.claim(request, { idempotencyKey: 'order-1' })";
    const first = await inPage<{ outcome: string; replayed: boolean; claim: { claim_id: string } }>(claim);
    expect(first).toMatchObject({ outcome: 'claimed', replayed: false, claim: { user_id: 'Zoë' } });
    expect(await inPage(claim)).toMatchObject({ outcome: 'claimed', replayed: true, claim: first.claim });
    expect((await readCoupon(api, COUPON)).claimed_count).toBe(1);
  });

  test('reads where a pending claim is, and when to ask for its status', async () => {
    await start({ CORS_ORIGINS: shop.url });
    const pending = await inPage<{ status: number; location: string; retryAfter: string; applied: string }>(`
      const response = await fetch(api + '/api/coupons/claim', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'order-1', prefer: 'respond-async' },
        body: JSON.stringify({ user_id: request.userId, coupon_name: request.couponName }),
      });
      const { status, headers } = response;
      const [location, retryAfter, applied] = ['location', 'retry-after', 'preference-applied'].map((name) => headers.get(name));
      return { status, location, retryAfter, applied };`);
    expect(pending).toMatchObject({
      status: 202,
      applied: 'respond-async',
      retryAfter: expect.stringMatching(/^\d+$/),
    });
    const id = pending.location.replace('/api/claims/', '');
    const readStatus = () =>
      inPage<{ status: string }>(`return client.claimStatus(${JSON.stringify(id)})`).then(({ status }) => status);
    expect(await readStatus()).toBe('pending');
    await system.addWorker();
    await until(async () => (await readStatus()) === 'claimed');
  });

  test('reads a 429 and how long to wait', async () => {
    await start({ CORS_ORIGINS: shop.url, RATE_LIMIT_PER_USER: '1' });
    await system.addWorker();
    const error = await inPage<{ status: number; retryAfterMs: number; requestId: string; code: string }>(`
      await client.claim(request);
      return client.claim(request, { attempts: 1 }).catch(({ status, retryAfterMs, requestId, cause }) => ({
        status, retryAfterMs, requestId, code: cause.code,
      }));`);
    expect(error).toMatchObject({ status: 429, code: 'rate_limited', requestId: expect.any(String) });
    expect(error.retryAfterMs).toBeGreaterThanOrEqual(1_000);
  });
});

test.each([
  ['without CORS_ORIGINS', ''],
  ['of an origin that CORS_ORIGINS lacks', 'https://shop.example'],
])('the browser refuses the claim of a page %s, and nothing is claimed', async (_, CORS_ORIGINS) => {
  await start({ CORS_ORIGINS });
  await system.addWorker();
  const code = await inPage('return client.claim(request, { attempts: 1 }).catch(({ cause }) => cause.code)');
  expect(code).toBe('no_answer');
  expect((await readCoupon(api, COUPON)).claimed_count).toBe(0);
});
