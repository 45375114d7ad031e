import { LANES_DEFAULT } from '@flashclaim/core';
import { JOB_NAME, laneName, lanePrefix } from '@flashclaim/lanes';
import { Queue } from 'bullmq';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { claim, createCoupon, readCoupon } from '../support/call-api.ts';
import { openBrowser } from '../support/chromium.ts';
import {
  accessibilityFaults,
  becomes,
  expectNoSidewaysScroll,
  numberOf,
  type OpenPage,
  openDrawer,
  openPage,
  shownStock,
  textOf,
} from '../support/live-page.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** One page stays open through the whole file, as it would on somebody's desk. */
let browser: Browser;
let system: System;
let url: string;
let live: OpenPage;
let page: Page;

beforeAll(async () => {
  [browser, system] = await Promise.all([openBrowser(), startSystem()]);
  url = system.urls[0] as string;
  live = await openPage(browser, `${url}/live`);
  page = live.page;
  await becomes(page, 'live');
});
afterEach(() => expect(live.errors.splice(0)).toEqual([]));
afterAll(async () => {
  await browser?.close();
  await system?.close();
});

const queueOf = (lane: number) =>
  new Queue(laneName(lane), { connection: system.stores.redis, prefix: lanePrefix(lane) });

test('an empty page explains itself', async () => {
  await page.waitForSelector('#empty', { state: 'visible' });
  expect(await textOf(page, '#empty')).toMatch(/No coupon yet[\s\S]*test sale/);
  expect(await accessibilityFaults(page)).toEqual([]);
});

test('a coupon is created by keyboard, and shows up by itself', async () => {
  await page.getByRole('button', { name: 'New coupon' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('Morning drop');
  await page.keyboard.press('Tab');
  await page.keyboard.type('50');
  await page.keyboard.press('Enter');
  await until(async () => (await shownStock(page, 'Morning drop'))?.left === 50);
  expect(await textOf(page, '#coupon-form .result')).toBe('Morning drop was created with 50 units.');
  expect((await readCoupon(url, 'Morning drop')).amount).toBe(50);
  await page.keyboard.press('Escape');
  await page.waitForSelector('#empty', { state: 'hidden' });
  expect(await textOf(page, '#sale-card h3')).toBe('Morning drop');
});

/** Lanes are looked at once a second, where nothing is in the way. */
const LOOKED_AT = { timeout: 20_000 };

test('a lane of another number of lanes is shown at its place while it holds jobs', async () => {
  const shown = async () => (await page.locator('#lane-list th').allTextContents()).map(Number);
  const usual = Array.from({ length: LANES_DEFAULT }, (_, lane) => lane);
  for (const lanes of [[30], [12, 30]]) {
    const queue = queueOf(lanes[0] as number);
    await queue.pause();
    await queue.add(JOB_NAME, 'poison');
    await queue.close();
    await expect.poll(shown, LOOKED_AT).toEqual([...usual, ...lanes]);
  }
  for (const lane of [12, 30]) {
    const queue = queueOf(lane);
    await queue.obliterate();
    await queue.close();
  }
  await expect.poll(shown, LOOKED_AT).toEqual(usual);
});

test.each([
  ['no name', '', '5', 'coupon-name', /^Must be 1 to 255 characters/],
  ['no amount', 'x', '', 'coupon-amount', /^Is missing/],
  ['no number', 'x', 'many', 'coupon-amount', /^Must be of type integer/],
  ['nothing to sell', 'x', '0', 'coupon-amount', /^Must be >= 1/],
  ['a name that is taken', 'Morning drop', '5', 'coupon-name', /^Choose another name/],
])('a coupon with %s is refused next to the field', async (_, name, amount, field, message) => {
  await openDrawer(page, 'New coupon');
  await page.locator('#coupon-name').fill(name);
  await page.locator('#coupon-amount').fill(amount);
  const answered = page.waitForResponse(/api\/coupons$/);
  await page.getByRole('button', { name: 'Create' }).click();
  await answered;
  await page.waitForSelector(`#${field}[aria-invalid="true"]`);
  expect(await textOf(page, `#${field}-error`)).toMatch(message);
  expect(await page.evaluate('document.activeElement.id')).toBe(field);
  expect(await page.locator('[aria-invalid="true"]').count()).toBe(1);
  await page.keyboard.press('Escape');
  expect(await system.stores.mongo.coupons.countDocuments({ name: 'x' })).toBe(0);
  // The browser itself writes an error for an answer of 400 or 409: this one is wanted.
  expect(live.errors.splice(0)).toEqual([expect.stringMatching(/status of 4\d\d .*\/api\/coupons$/)]);
});

test('the numbers are those of the database, in a paused moment of a sale and after it', async () => {
  const told = (kind: string) => numberOf(page, `[data-series="${kind}"] b`);
  await createCoupon(url, 'paused sale', 40);
  const claimAs = (from: number, to: number) =>
    Promise.all(Array.from({ length: to - from }, (_, i) => claim(url, 'paused sale', `user-${from + i}`)));
  await claimAs(0, 25);
  const paused = await readCoupon(url, 'paused sale');
  expect(paused.remaining_amount).toBe(15);
  await until(async () => (await shownStock(page, 'paused sale'))?.left === paused.remaining_amount);

  await claimAs(20, 60);
  await until(async () => (await shownStock(page, 'paused sale'))?.left === 0);
  expect((await readCoupon(url, 'paused sale')).remaining_amount).toBe(0);
  const meter = page.getByRole('meter', { name: 'paused sale' });
  expect(await meter.getAttribute('aria-valuetext')).toBe('0 of 40 left');
  expect(await page.locator('.coupon', { hasText: 'paused sale' }).textContent()).toContain('Sold out');
  await until(async () => (await told('out_of_stock')) === 20);
  expect([await told('claimed'), await told('already_claimed'), await told('others')]).toEqual([40, 5, 0]);
  expect(await numberOf(page, '#workers')).toBe(1);
  await until(async () => (await numberOf(page, '#waiting')) === 0);
  await until(async () => /Stock and claims of \d+ shown coupons match/.test(await textOf(page, '#status')));
});

test('a unit that is lost is said out loud', async () => {
  const { coupons } = system.stores.mongo;
  await createCoupon(url, 'one is lost', 10);
  await coupons.updateOne({ name: 'one is lost' }, { $inc: { remaining_amount: -1 } });
  await page.waitForSelector('#status[data-level="error"]');
  expect(await textOf(page, '#status')).toContain('one is lost: 9 left + 0 claims, not 10');
  await coupons.updateOne({ name: 'one is lost' }, { $inc: { remaining_amount: 1 } });
  await page.waitForSelector('#status[data-level="fine"]');
});

test('a test sale goes through the real claim call, and comes out as expected', async () => {
  await openDrawer(page, 'Test sale');
  await page.locator('#test-users').fill('300');
  await page.locator('#test-units').fill('50');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.waitForSelector('#test-verdict', { state: 'visible' });
  expect(await page.locator('#test-verdict').getAttribute('data-exact')).toBe('true');
  await page.locator('#test-progress').waitFor({ state: 'hidden' });
  const cells = await page.locator('#test-verdict tbody tr > *').allTextContents();
  expect(cells).toEqual(['claimed', '50', '50', 'already claimed', '50', '50', 'no stock', '500', '500']);

  const { coupons, claims } = system.stores.mongo;
  const sale = await coupons.findOne({ name: /^test sale/ });
  expect(sale).toMatchObject({ amount: 50, remaining_amount: 0 });
  expect(await claims.countDocuments({ coupon_name: sale?.name ?? '' })).toBe(50);
  await until(async () => (await shownStock(page, sale?.name ?? ''))?.left === 0);
});

test('the sale is at the top, and is summed up once it is sold out, with the verdict of a count', async () => {
  expect(await textOf(page, '#sale-card h3')).toMatch(/^test sale/);
  const summary = /^50 units in (under )?[\d.]+\sm?s to 50 users; 550 refused; p99 [\d.]+\sm?s; audit clean\.$/;
  await until(async () => summary.test(await textOf(page, '#summary')));
});

/** From when to when the charts show a sale: with the stock that is left, and how long after the last answer. */
const shownTime = (remaining: number, later: number) =>
  page.evaluate<object>(`import('/live/assets/zoom.js').then(({ shownTime }) => shownTime({
    at: ${9_000 + later},
    sale: { couponId: 'a', points: [[2000, 9], [5000, ${remaining}]], answers: { lastAt: 9000 } },
    coupons: { shown: [{ id: 'a', remaining: ${remaining} }] },
  }))`);

test('the charts begin with the first claim and end with the last answer, or show the last seconds', async () => {
  expect(await shownTime(0, 60_000)).toEqual({ from: 2_000, to: 9_000, zero: 2_000 });
  expect(await shownTime(5, 3_000)).toEqual({ from: 2_000, to: 12_000, zero: 2_000 });
  await page.getByRole('button', { name: '30 seconds' }).click();
  expect(await page.getByRole('button', { pressed: true }).allTextContents()).toEqual(['30 seconds']);
  expect(await shownTime(0, 91_000)).toEqual({ from: 70_000, to: 100_000, zero: 100_000 });
  await page.getByRole('button', { name: 'The sale' }).click();
});

/** The lanes of this deployment, as the page counts them. */
const LANES = `${LANES_DEFAULT} ${LANES_DEFAULT === 1 ? 'lane' : 'lanes'}`;

test('the lanes are open while they have jobs', async () => {
  const isOpen = async () => (await page.locator('#lanes').getAttribute('open')) !== null;
  const queue = queueOf(0);
  await queue.pause();
  await queue.add(JOB_NAME, 'poison');
  await until(async () => (await textOf(page, '#lanes-note')) === `${LANES}, 1 busy`);
  expect(await isOpen()).toBe(true);
  await queue.drain();
  await queue.resume();
  await queue.close();
  await until(async () => !(await isOpen()));
  expect(await textOf(page, '#lanes-note')).toBe(`${LANES}, idle`);
});

test('a test sale that is too large is refused next to the field', async () => {
  await openDrawer(page, 'Test sale');
  await page.locator('#test-users').fill('5001');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.waitForSelector('#test-users[aria-invalid="true"]');
  expect(await textOf(page, '#test-users-error')).toBe('Must be <= 5000.');
  expect(live.errors.splice(0)).toEqual([expect.stringMatching(/status of 400 .*test-sale$/)]);
  await page.keyboard.press('Escape');
});

test.each(['light', 'dark'] as const)('everybody can use the page: %s', async (colorScheme) => {
  const name = `${colorScheme} ${'wide '.repeat(40)}`.trim();
  await createCoupon(url, name, 5);
  await page.emulateMedia({ colorScheme });
  await page.getByRole('heading', { name }).waitFor();
  expect(await accessibilityFaults(page)).toEqual([]);
  for (const width of [320, 390, 1_280]) {
    await page.setViewportSize({ width, height: 800 });
    await expectNoSidewaysScroll(page);
  }
});

/** Where the charts begin, by what is said above them: about the connection, and about the system. */
const CHARTS_TOPS = `import('/live/assets/status.js').then(({ showConnection, showStatus }) => {
  const top = () => document.querySelector('.charts').getBoundingClientRect().top;
  const tops = [top()];
  for (const [state, text] of [['connecting'], ['disconnected'], ['disconnected', 'Access denied. Reload the page'], ['live']]) {
    showConnection(state, text);
    tops.push(top());
  }
  for (const comparison of [undefined, { at: Date.now(), matching: Array(12).fill('a'), tooLarge: [], wrong: [] }]) {
    showStatus({ alerts: [], workers: 12, comparison });
    tops.push(top());
  }
  return tops;
})`;

test.each([360, 500, 768, 1280])(
  'nothing moves when what is said at the top changes: %i pixels wide',
  async (width) => {
    await page.setViewportSize({ width, height: 800 });
    expect(new Set(await page.evaluate<number[]>(CHARTS_TOPS)).size).toBe(1);
  },
);

test('what changes several times a second is not read out; the state of the connection is', async () => {
  const announced = await page.evaluate<string[]>(
    '[...document.querySelectorAll("output, [role=status], [aria-live=polite]")].map(({ id, className }) => id || className)',
  );
  expect(announced).toEqual(['connection', 'status', 'result', 'coupons-result', ...Array(4).fill('result')]);
});

test('bars and legends are seen in colours that the reader forces', async () => {
  await createCoupon(url, 'forced', 5);
  await page.getByRole('meter', { name: 'forced' }).waitFor();
  await page.emulateMedia({ forcedColors: 'active' });
  const colors = await page.evaluate<string[]>(
    '[".bar", ".rest", ".swatch"].map((part) => getComputedStyle(document.querySelector(part)).backgroundColor)',
  );
  expect(new Set(colors).size).toBe(3);
});
