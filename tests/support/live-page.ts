import { AxeBuilder } from '@axe-core/playwright';
import { type CouponFields, newCoupon } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** A page and its errors. */
export interface OpenPage {
  page: Page;
  /** Errors of the console and of scripts. */
  errors: string[];
  close(): Promise<void>;
}

/** Opens a page of the API in a new browser context. */
export const openPage = async (
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> => {
  const context = await browser.newContext({ locale: 'en-US', timezoneId: 'UTC', reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(`${message.text()} ${message.location().url}`);
  });
  page.on('pageerror', (error) => errors.push(error.message));
  await page.goto(url);
  return { page, errors, close: () => context.close() };
};

/** Waits until the live page receives numbers, or until it is disconnected. */
export const becomes = (page: Page, state: 'live' | 'disconnected'): Promise<unknown> =>
  page.waitForSelector(`#connection[data-state="${state}"]`);

export const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).textContent()) ?? '';

/** A number on the page. */
export const numberOf = async (page: Page, selector: string): Promise<number> =>
  Number((await textOf(page, selector)).replaceAll(',', ''));

let inserted = 0;

/** Inserts a coupon of 10 units with these fields, and waits until a page shows its card. */
export const insertShown = async (
  page: Page,
  { coupons }: Mongo,
  fields: Partial<CouponFields> = {},
): Promise<{ name: string; card: Locator }> => {
  const name = fields.name ?? `inserted ${++inserted}`;
  // biome-ignore lint/plugin/wall-clock: a stamp: when the coupon was created.
  await coupons.insertOne({ ...newCoupon({ name, amount: 10 }, new Date()), ...fields });
  const card = page.locator('.coupon', { has: page.getByRole('heading', { name, exact: true }) });
  await card.waitFor();
  return { name, card };
};

/** Opens the drawer that this button opens. */
export const openDrawer = async (page: Page, button: 'New coupon' | 'Test sale'): Promise<void> => {
  await page.getByRole('button', { name: button, exact: true }).click();
  await page.getByRole('dialog').waitFor();
};

/** The remaining units and the amount on a coupon's card. */
export const shownStock = async (page: Page, name: string): Promise<{ left: number; amount: number } | undefined> => {
  const card = page.locator('.coupon', { has: page.getByRole('heading', { name, exact: true }) });
  if ((await card.count()) === 0) return undefined;
  const [left, amount] = await Promise.all(
    ['.left', '.of'].map(async (part) => Number((await card.locator(part).textContent())?.replaceAll(/\D/g, ''))),
  );
  return { left: left as number, amount: amount as number };
};

/** The findings of axe in the page, or in a part of it: rule and element. */
export const accessibilityFaults = async (page: Page, part = 'html'): Promise<string[]> => {
  // The other mode opens a second page for each run, and is for frames of other origins.
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().include(part).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};

/** Checks that the page does not scroll sideways. */
export const expectNoSidewaysScroll = async (page: Page): Promise<void> => {
  const [inner, outer] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  );
  expect(inner).toBeLessThanOrEqual(outer);
};
