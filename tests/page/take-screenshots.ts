/**
 * Takes pictures of every page for people, in light and dark, wide and narrow: `node tests/page/take-screenshots.ts FOLDER`.
 * To be looked at; the few that the documents show are in docs/images.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CouponFields, LANES_DEFAULT, laneOf, newCoupon } from '@flashclaim/core';
import { startStores } from '@flashclaim/local-stack';
import type { Mongo } from '@flashclaim/store';
import type { Browser, Page } from 'playwright-core';
import { claim, createCoupon } from '../support/call-api.ts';
import { openBrowser } from '../support/chromium.ts';
import { openDrawer, openPage, textOf } from '../support/live-page.ts';
import { openStoresAt } from '../support/stores.ts';
import { startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const LOOKS = (['light', 'dark'] as const).flatMap((colorScheme) =>
  [
    { width: 1_280, height: 900 },
    { width: 390, height: 844 },
    { width: 1_920, height: 1_080 },
  ].map((viewport) => ({ colorScheme, viewport, name: `${colorScheme}-${viewport.width}` })),
);

const COUPONS: [name: string, amount: number][] = [
  ['Midnight headphones', 12_000],
  ['Museum night, two tickets', 300],
  ['Advent calendar', 5_000],
  ['Last year’s lamp', 25],
];

/** Gives some coupons a window, or pauses them. */
const setStates = async ({ coupons }: Mongo): Promise<void> => {
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000);
  const set = (name: string, fields: Partial<CouponFields>) => coupons.updateOne({ name }, { $set: fields });
  await set('Museum night, two tickets', { paused: true });
  await set('Advent calendar', { ends_at: at(5) });
  await set('Last year’s lamp', { starts_at: at(-48), ends_at: at(-1) });
  await coupons.insertOne({ ...newCoupon({ name: 'Spring tickets', amount: 800 }, at(0)), starts_at: at(2) });
};

/** Runs a test sale in the page, and takes pictures of its begin, its middle and its end. */
const takeSale = async (browser: Browser, folder: string, url: string): Promise<void> => {
  for (const { name: look, ...options } of LOOKS) {
    const { page, close } = await openPage(browser, `${url}/live`, options);
    const take = (moment: string, fullPage = false) =>
      page.screenshot({ path: join(folder, `sale-${look}-${moment}.png`), fullPage });
    await page.waitForSelector('#status[data-level="fine"]');
    await openDrawer(page, 'Test sale');
    await take('drawer');
    await page.getByRole('button', { name: 'Start' }).click();
    await page.locator('#test-progress').waitFor();
    const startedAt = performance.now();
    for (const ms of [500, 2_000]) {
      await sleep(startedAt + ms - performance.now());
      await take(`${ms}ms`);
    }
    await page.locator('#test-verdict').waitFor();
    await until(async () => (await textOf(page, '#summary')).includes('audit clean'));
    await take('end');
    await take('end-whole', true);
    await close();
  }
};

type Show = (page: Page) => Promise<unknown>;

const takeAll = async (browser: Browser, folder: string, name: string, url: string, show: Show): Promise<void> => {
  for (const { name: look, ...options } of LOOKS) {
    const { page, close } = await openPage(browser, url, options);
    await show(page);
    await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
    await page.screenshot({ path: join(folder, `${name}-${look}-whole.png`), fullPage: true });
    await close();
  }
};

const run = async (folder: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-screenshots-'));
  const servers = await startStores({ dataDir });
  const system = await startSystem({ stores: await openStoresAt(servers) });
  const browser = await openBrowser();
  const [url] = system.urls as [string];
  const take = (name: string, path: string, show: Show) => takeAll(browser, folder, name, url + path, show);
  try {
    await take('empty', '/live', (page) => page.waitForSelector('#status[data-level="fine"]'));
    for (const [name, amount] of COUPONS) await createCoupon(url, name, amount);
    await claim(url, 'Museum night, two tickets', 'somebody');
    await setStates(system.stores.mongo);
    await takeSale(browser, folder, url);
    for (const [name, button] of [
      ['pause', 'Pause Advent calendar'],
      ['change', 'Change Spring tickets'],
    ] as const)
      await take(name, '/live', (page) => page.getByRole('button', { name: button }).click());
    // Jobs that wait, because a decided job is not kept.
    const [worker] = system.workers;
    worker?.kill('SIGSTOP');
    const waiting = Array.from({ length: 12 }, async (_, i) => {
      await sleep(400 * i);
      await claim(url, 'Advent calendar', `early-${i}`);
    });
    await sleep(5_000);
    const lane = laneOf('Advent calendar', LANES_DEFAULT);
    await take('decided', '/admin/queues/queue/decided?status=completed', (page) =>
      page
        .getByText(/granted/)
        .first()
        .waitFor(),
    );
    await take('queue', `/admin/queues/queue/lane-${lane}?status=waiting`, (page) =>
      page
        .getByText(/claims? · /)
        .first()
        .waitFor(),
    );
    worker?.kill('SIGCONT');
    await Promise.all(waiting);
    await take('docs', '/docs/', (page) => page.getByText('Claim a unit').first().waitFor());
  } finally {
    await browser.close();
    await system.close();
    await servers.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
};

await run(process.argv[2] ?? '.data/screenshots');
