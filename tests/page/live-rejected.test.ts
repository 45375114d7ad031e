import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claim, createCoupon, type Reply } from '../support/call-api.ts';
import { openBrowser } from '../support/chromium.ts';
import { accessibilityFaults, becomes, numberOf, openPage, textOf } from '../support/live-page.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const COUPON = 'much wanted';
const PER_USER = 3;

let browser: Browser;
let system: System;
let url: string;
let page: Page;
beforeAll(async () => {
  const env = { RATE_LIMIT_PER_USER: String(PER_USER), CLAIMS_PENDING_MAX: '1' };
  [browser, system] = await Promise.all([openBrowser(), startSystem({ env })]);
  url = system.urls[0] as string;
  ({ page } = await openPage(browser, `${url}/live`));
  await becomes(page, 'live');
  await createCoupon(url, COUPON, 1_000);
});
afterAll(async () => {
  await browser?.close();
  await system?.close();
});

const shown = (kind: string) => numberOf(page, `[data-series="${kind}"] b`);
const isLevel = (level: string) => page.waitForSelector(`#status[data-level="${level}"]`);
const claimOneByOne = async (users: readonly string[]): Promise<Reply[]> => {
  const replies: Reply[] = [];
  for (const user of users) replies.push(await claim(url, COUPON, user));
  return replies;
};
const countOf = (replies: readonly Reply[], code: string) => replies.filter(({ body }) => body.code === code).length;

test('callers who are answered 429 are a series of their own, and the banner is amber', async () => {
  const replies = await claimOneByOne(Array(PER_USER + 2).fill('eager'));
  await until(async () => /^\d+ ms$/.test(await textOf(page, '#p50')));
  expect(countOf(replies, 'rate_limited')).toBe(2);
  await isLevel('warning');
  expect(await textOf(page, '#status')).toContain('This API rejected more than a tenth of the claims');
  await until(async () => (await shown('rejected')) === 2);
  expect([await shown('claimed'), await shown('already_claimed'), await shown('others')]).toEqual([1, PER_USER - 1, 0]);
  expect(await accessibilityFaults(page, '#status')).toEqual([]);
});

test('the banner goes once a tenth or less of the claims is rejected', async () => {
  await claimOneByOne(Array.from({ length: 40 }, (_, i) => `patient-${i}`));
  await isLevel('fine');
  expect(await shown('rejected')).toBe(2);
});

test('callers who are answered 503 because too many wait are counted with them', async () => {
  let overloaded = 0;
  let waves = 0;
  await until(async () => {
    const wave = ++waves;
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => claim(url, COUPON, `crowd-${wave}-${i}`)));
    overloaded += countOf(replies, 'overloaded');
    return overloaded > 20;
  });
  await isLevel('warning');
  await until(async () => (await shown('rejected')) === 2 + overloaded);
  expect(await shown('others')).toBe(0);
});

test('the banner goes ten seconds after the last rejection', async () => {
  await isLevel('fine');
});
