import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** A page, and all that went wrong on it. */
export interface OpenPage {
  page: Page;
  /** Errors of the console and of scripts. */
  errors: string[];
  close(): Promise<void>;
}

/** Opens a page of the API in a window of its own. */
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

/** Waits until the numbers of the live page come in, or until they don't any more. */
export const becomes = (page: Page, state: 'live' | 'disconnected'): Promise<unknown> =>
  page.waitForSelector(`#connection[data-state="${state}"]`);

export const textOf = async (page: Page, selector: string): Promise<string> =>
  (await page.locator(selector).textContent()) ?? '';

/** A number as it stands on the page. */
export const numberOf = async (page: Page, selector: string): Promise<number> =>
  Number((await textOf(page, selector)).replaceAll(',', ''));

/** What a card shows: the units that are left, and of how many. */
export const shownStock = async (page: Page, name: string): Promise<{ left: number; amount: number } | undefined> => {
  const card = page.locator('.coupon', { has: page.getByRole('heading', { name, exact: true }) });
  if ((await card.count()) === 0) return undefined;
  const [left, amount] = await Promise.all(
    ['.left', '.of'].map(async (part) => Number((await card.locator(part).textContent())?.replaceAll(/\D/g, ''))),
  );
  return { left: left as number, amount: amount as number };
};

/** What axe finds, by rule and by the elements that break it. */
export const accessibilityFaults = async (page: Page): Promise<string[]> => {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
};

/** Nothing stands out over the side of the window. */
export const expectNoSidewaysScroll = async (page: Page): Promise<void> => {
  const [inner, outer] = await page.evaluate<[number, number]>(
    '[document.documentElement.scrollWidth, document.documentElement.clientWidth]',
  );
  expect(inner).toBeLessThanOrEqual(outer);
};
