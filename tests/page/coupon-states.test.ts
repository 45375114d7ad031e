import type { CouponFields } from '@flashclaim/core';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from '../support/chromium.ts';
import { newClaim } from '../support/documents.ts';
import { becomes, insertShown, openPage } from '../support/live-page.ts';
import { openStream } from '../support/live-stream.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;

let browser: Browser;
let system: System;
let url: string;
let page: Page;
beforeAll(async () => {
  [browser, system] = await Promise.all([openBrowser(), startSystem({ workers: 0 })]);
  url = system.urls[0] as string;
  ({ page } = await openPage(browser, `${url}/live`, { timezoneId: 'Europe/Berlin' }));
  await becomes(page, 'live');
});
afterAll(async () => {
  await browser?.close();
  await system?.close();
});

const shown = (fields?: Partial<CouponFields>) => insertShown(page, system.stores.mongo, fields);
const inMs = (ms: number) => new Date(Date.now() + ms);
const sold = { remaining_amount: 0, issued: 10 };

test.each<[string, string, Partial<CouponFields>, RegExp]>([
  ['Open', 'without a window', {}, /^created at/],
  ['Open', 'before its end', { ends_at: inMs(HOUR_MS), remaining_amount: 9, issued: 1 }, /^last change at/],
  [
    'Scheduled',
    'before its start',
    { starts_at: inMs(2 * HOUR_MS), ends_at: inMs(3 * HOUR_MS) },
    /^opens in (2|1\.9) h$/,
  ],
  ['Scheduled', 'without a unit before its start', { ...sold, starts_at: inMs(240 * HOUR_MS) }, /^opens in 10 days$/],
  ['Paused', 'that is paused before its start', { paused: true, starts_at: inMs(HOUR_MS) }, /^last change at/],
  ['Sold out', 'without a unit after its start', { ...sold, starts_at: inMs(-HOUR_MS) }, /^last change at/],
  ['Ended', 'that is paused after its end', { ends_at: inMs(-1), paused: true }, /^last change at/],
])('%s is the state of a coupon %s', async (state, _, fields, end) => {
  const { card } = await shown(fields);
  expect(await card.locator('.state').textContent()).toBe(state);
  expect(await card.locator('.end').textContent()).toMatch(end);
  expect(await card.getByRole('button', { name: /^(Pause|Resume) / }).count()).toBe(state === 'Ended' ? 0 : 1);
});

test('the window is shown in the time zone of the browser', async () => {
  const starts_at = new Date('2030-07-01T10:00:00Z');
  const ends_at = new Date('2030-07-01T12:30:00Z');
  const { card } = await shown({ starts_at, ends_at });
  const windowOf = (one: Locator) =>
    one
      .locator('.window')
      .textContent()
      .then((text) => text?.replaceAll(/\s/g, ' '));
  expect(await windowOf(card)).toMatch(/^Jul 1, 2030, 12:00 – 2:30 PM GMT\+2$/);
  expect(await windowOf((await shown({ starts_at })).card)).toBe('from Jul 1, 2030, 12:00 PM GMT+2');
  expect(await windowOf((await shown({ ends_at })).card)).toBe('until Jul 1, 2030, 2:30 PM GMT+2');
  expect(await windowOf((await shown()).card)).toBe('');
});

test('a released claim is not counted as a taken unit', async () => {
  const { mongo } = system.stores;
  const { name } = await shown({ remaining_amount: 9, issued: 2 });
  const coupon = await mongo.coupons.findOne({ name });
  if (!coupon) throw new Error('no coupon');
  await mongo.claims.insertMany([newClaim(coupon, 1, { ended_at: new Date() }), newClaim(coupon, 2)]);
  const insertedAt = Date.now();
  const stream = await openStream(url);
  let comparison: { at: number; wrong: { name: string }[] } | undefined;
  await until(async () => {
    comparison = (await stream.next()).comparison;
    return (comparison?.at ?? 0) > insertedAt + 1_000;
  });
  expect(comparison?.wrong.map((wrong) => wrong.name)).not.toContain(name);
  await stream.close();
});
