import type { CouponFields } from '@flashclaim/core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { claim, createCoupon, readCoupon } from '../support/call-api.ts';
import { openBrowser } from '../support/chromium.ts';
import {
  accessibilityFaults,
  becomes,
  expectNoSidewaysScroll,
  insertShown,
  numberOf,
  openDrawer,
  openPage,
  shownStock,
  textOf,
} from '../support/live-page.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const HOUR_MS = 3_600_000;
/** The smallest size of a control that a finger hits, in px. */
const FINGER_PX = 44;

let browser: Browser;
let system: System;
let url: string;
let page: Page;
let errors: string[];
/** One page for all tests, because to open it takes longer than most of them. */
beforeAll(async () => {
  [browser, system] = await Promise.all([openBrowser(), startSystem({ workers: 0 })]);
  url = system.urls[0] as string;
  ({ page, errors } = await openPage(browser, `${url}/live`, { timezoneId: 'Europe/Berlin' }));
  await becomes(page, 'live');
});
afterEach(async () => {
  await page.unrouteAll();
  if (await dialog().isVisible()) await page.keyboard.press('Escape');
  errors.length = 0;
});
afterAll(async () => {
  await browser?.close();
  await system?.close();
});

const shown = (fields?: Partial<CouponFields>) => insertShown(page, system.stores.mongo, fields);
const button = (name: string) => page.getByRole('button', { name, exact: true });
const dialog = () => page.getByRole('dialog');

interface Sent {
  method: string;
  path: string;
  body: unknown;
}

/** Answers the requests of the page that change coupons, in place of the API. */
const answerChanges = async (status = 200, body: object = {}): Promise<Sent[]> => {
  const sent: Sent[] = [];
  await page.route(/\/api\/coupons/, (route) => {
    const request = route.request();
    sent.push({ method: request.method(), path: new URL(request.url()).pathname, body: request.postDataJSON() });
    return route.fulfill({ status, json: body });
  });
  return sent;
};

const inMs = (ms: number) => new Date(Date.now() + ms);
describe('pausing', () => {
  test('needs a confirmation, which says the effect', async () => {
    const sent = await answerChanges();
    const { name } = await shown({ name: 'a/b & c?' });
    await button(`Pause ${name}`).click();
    expect(await dialog().getByRole('heading').textContent()).toBe(`Pause ${name}?`);
    expect(await dialog().textContent()).toContain('New claims are refused until you resume.');
    // Enter alone must not confirm.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Cancel');
    await page.keyboard.press('Enter');
    await dialog().waitFor({ state: 'hidden' });
    await button(`Pause ${name}`).click();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'hidden' });
    expect(sent).toEqual([]);

    await button(`Pause ${name}`).click();
    await button('Pause').click();
    await dialog().waitFor({ state: 'hidden' });
    expect(sent).toEqual([{ method: 'PATCH', path: '/api/coupons/a%2Fb%20%26%20c%3F', body: { paused: true } }]);
    expect(await textOf(page, '#coupons-result')).toBe(`${name} is paused. New claims are refused.`);
    expect(await page.evaluate('document.activeElement.getAttribute("aria-label")')).toBe(`Pause ${name}`);
    expect(errors).toEqual([]);
  });

  test('is undone in the same way', async () => {
    const sent = await answerChanges();
    const { name } = await shown({ paused: true, ends_at: inMs(HOUR_MS) });
    await button(`Resume ${name}`).click();
    expect(await dialog().textContent()).toContain('New claims are accepted again, within its window.');
    await button('Resume').click();
    await dialog().waitFor({ state: 'hidden' });
    expect(sent).toMatchObject([{ method: 'PATCH', body: { paused: false } }]);
    expect(await textOf(page, '#coupons-result')).toBe(`${name} is resumed.`);
  });

  test('that fails keeps the question, with the reason', async () => {
    await answerChanges(503, { code: 'unavailable', detail: 'MongoDB does not answer.' });
    const { name } = await shown();
    await button(`Pause ${name}`).click();
    await button('Pause').click();
    await dialog().getByText('MongoDB does not answer.').waitFor();
    await page.unroute(/\/api\/coupons/);
    await page.route(/\/api\/coupons/, (route) => route.abort());
    await button('Pause').click();
    await dialog().getByText('The API does not answer.').waitFor();
  });
});

describe('changing amount and window', () => {
  /** Opens the form of a new coupon with this window. */
  const openForm = async (fields: Partial<CouponFields> = {}): Promise<string> => {
    const { name } = await shown(fields);
    await button(`Change ${name}`).click();
    await dialog().waitFor();
    return name;
  };
  const save = () => button('Save').click();
  const fill = (label: RegExp, value: string) => dialog().getByLabel(label).fill(value);

  test('sends what is different, in the offset of that day, with the version', async () => {
    const sent = await answerChanges();
    const starts_at = new Date('2030-07-01T10:00:00.500Z');
    const name = await openForm({ version: 7, starts_at });
    expect(
      await dialog()
        .getByLabel(/^Opens \(Europe\/Berlin time/)
        .inputValue(),
    ).toBe('2030-07-01T12:00');
    await fill(/^Ends/, '2030-12-01T12:00');
    await save();
    await dialog().waitFor({ state: 'hidden' });
    expect(sent).toEqual([
      { method: 'PATCH', path: expect.any(String), body: { ends_at: '2030-12-01T12:00:00+01:00', version: 7 } },
    ]);
    expect(await textOf(page, '#coupons-result')).toBe(`${name} was changed.`);
  });

  test('sends an amount, and null for a time that is removed', async () => {
    const sent = await answerChanges();
    await openForm({ starts_at: new Date('2030-07-01T10:00:07Z') });
    expect(
      await dialog()
        .getByLabel(/^Opens/)
        .inputValue(),
    ).toBe('2030-07-01T12:00:07');
    await fill(/^Units/, ' 12 ');
    await fill(/^Opens/, '');
    await save();
    await dialog().waitFor({ state: 'hidden' });
    expect(sent).toMatchObject([{ body: { amount: 12, starts_at: null, version: 1 } }]);
  });

  test('sends nothing where nothing is different, or a time is not whole', async () => {
    const sent = await answerChanges();
    await openForm();
    await save();
    await dialog().getByText('Nothing is different yet.').waitFor();
    await dialog()
      .getByLabel(/^Opens/)
      .focus();
    await page.keyboard.type('07');
    await save();
    await page.waitForSelector('#change-starts[aria-invalid="true"]');
    expect(await textOf(page, '#change-starts-error')).toBe('Is not a whole date and time.');
    expect(sent).toEqual([]);
  });

  test.each([
    [400, 'invalid_request', 'ends_at must be later than starts_at.', '#change-ends', 'Must be later than starts_at.'],
    [400, 'invalid_request', 'amount must be >= 1.', '#change-amount', 'Must be >= 1.'],
    [409, 'amount_below_claimed', '7 units are claimed.', '#change-amount', '7 units are claimed.'],
  ])('%i %s is shown next to the field: %s', async (status, code, detail, field, text) => {
    await answerChanges(status, { code, detail });
    await openForm();
    await fill(/^Units/, '5');
    await save();
    await page.waitForSelector(`${field}[aria-invalid="true"]`);
    expect(await textOf(page, `${field}-error`)).toBe(text);
    expect(await page.evaluate('"#" + document.activeElement.id')).toBe(field);
  });

  test('a change of somebody else is said, and seen when the form is opened again', async () => {
    await answerChanges(409, { code: 'version_conflict', detail: 'The version is 2, not 1.' });
    const name = await openForm();
    await fill(/^Units/, '11');
    await save();
    await dialog()
      .getByText(/^Somebody else changed this coupon .* Close it and open it again\.$/)
      .waitFor();
    await system.stores.mongo.coupons.updateOne({ name }, { $set: { amount: 12, version: 2 } });
    await until(async () => (await shownStock(page, name))?.amount === 12);
    await button('Cancel').click();
    await button(`Change ${name}`).click();
    expect(
      await dialog()
        .getByLabel(/^Units/)
        .inputValue(),
    ).toBe('12');
    expect(await dialog().locator('.result').textContent()).toBe('');
  });
});

test('a coupon is created with a window', async () => {
  const sent = await answerChanges(201, { name: 'later', amount: 5 });
  await openDrawer(page, 'New coupon');
  await page.locator('#coupon-name').fill('later');
  await page.locator('#coupon-amount').fill('5');
  await page.locator('#coupon-starts').fill('2030-07-01T12:00');
  await button('Create').click();
  await page.getByText('later was created with 5 units.').waitFor();
  expect(sent).toEqual([
    {
      ...{ method: 'POST', path: '/api/coupons' },
      body: { name: 'later', amount: 5, starts_at: '2030-07-01T12:00:00+02:00' },
    },
  ]);
});

const DIALOG_OVERFLOW = `(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('dialog[open]'))`;
const BUTTON_HEIGHTS =
  '[...document.querySelectorAll("button")].map((button) => button.offsetHeight).filter((height) => height > 0)';

test('everybody can use the drawers and buttons', async () => {
  const window = { starts_at: inMs(HOUR_MS), ends_at: inMs(48 * HOUR_MS) };
  const { name } = await shown({ name: 'wide'.repeat(40), ...window });
  await shown({ ends_at: inMs(-1) });
  await shown({ paused: true });
  for (const opener of ['New coupon', 'Test sale', `Pause ${name}`, `Change ${name}`]) {
    await button(opener).click();
    for (const width of [390, 1_280]) {
      await page.setViewportSize({ width, height: 700 });
      await expectNoSidewaysScroll(page);
      expect(await page.evaluate<number>(DIALOG_OVERFLOW)).toBe(0);
    }
    const heights = await page.evaluate<number[]>(BUTTON_HEIGHTS);
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(FINGER_PX);
    expect(await accessibilityFaults(page, 'dialog[open]')).toEqual([]);
    if (!opener.startsWith('Change')) await page.keyboard.press('Escape');
  }
  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await accessibilityFaults(page, 'dialog[open]')).toEqual([]);
});

describe('through the API', () => {
  beforeAll(async () => {
    await system.addWorker();
  });

  test('a paused coupon refuses claims, which are a series of their own, until it is resumed', async () => {
    await createCoupon(url, 'by hand', 5);
    await button('Pause by hand').click();
    await button('Pause').click();
    await dialog().waitFor({ state: 'hidden' });
    expect(await claim(url, 'by hand', 'early')).toMatchObject({
      status: 403,
      body: { code: 'sale_not_open', reason: 'paused' },
    });
    await until(async () => (await numberOf(page, '[data-series="sale_not_open"] b')) === 1);
    await button('Resume by hand').click();
    await button('Resume').click();
    await dialog().waitFor({ state: 'hidden' });
    expect((await claim(url, 'by hand', 'early')).status).toBe(200);
  });

  test('amount and window are changed, and never below what is claimed', async () => {
    await createCoupon(url, 'grows', 2);
    for (const user of ['first', 'second']) expect((await claim(url, 'grows', user)).status).toBe(200);
    await until(async () => (await shownStock(page, 'grows'))?.left === 0);
    await button('Change grows').click();
    await page.locator('#change-amount').fill('1');
    await button('Save').click();
    await page.waitForSelector('#change-amount[aria-invalid="true"]');
    await page.locator('#change-amount').fill('3');
    await page.locator('#change-ends').fill('2030-07-01T12:00');
    await button('Save').click();
    await dialog().waitFor({ state: 'hidden' });
    expect(await readCoupon(url, 'grows')).toMatchObject({
      amount: 3,
      ends_at: '2030-07-01T10:00:00.000Z',
      version: 2,
    });
    expect((await claim(url, 'grows', 'third')).status).toBe(200);
  });

  test('a form that was open during a change by somebody else changes nothing', async () => {
    const { name } = await shown();
    await button(`Change ${name}`).click();
    await system.stores.mongo.coupons.updateOne({ name }, { $set: { paused: true }, $inc: { version: 1 } });
    await page.locator('#change-amount').fill('99');
    await button('Save').click();
    await dialog()
      .getByText(/^Somebody else changed this coupon/)
      .waitFor();
    expect((await readCoupon(url, name)).amount).toBe(10);
  });

  test('a coupon that opens later is created, and shown as scheduled', async () => {
    await openDrawer(page, 'New coupon');
    await page.locator('#coupon-name').fill('opens later');
    await page.locator('#coupon-amount').fill('5');
    await page.locator('#coupon-starts').fill('2030-07-01T12:00');
    await button('Create').click();
    const card = page.locator('.coupon', { hasText: 'opens later' });
    await card.getByText('Scheduled').waitFor();
    expect(await claim(url, 'opens later', 'early')).toMatchObject({ status: 403, body: { reason: 'not_started' } });
  });
});
