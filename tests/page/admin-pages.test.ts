import { join } from 'node:path';
import { LANES_DEFAULT, laneOf } from '@flashclaim/core';
import { laneName, lanePrefix } from '@flashclaim/lanes';
import { type ProcessHandle, startProcess } from '@flashclaim/local-stack';
import { Queue } from 'bullmq';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { call, claim } from '../support/call-api.ts';
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
import { openStream } from '../support/live-stream.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const TOKEN = 'a token for tests';
const bearer = { authorization: `Bearer ${TOKEN}` };
const asAdmin: BrowserContextOptions = { httpCredentials: { username: 'anybody', password: TOKEN } };

let browser: Browser;
let stores: OwnStores;
let system: System;
let url: string;

beforeAll(async () => {
  [browser, stores] = await Promise.all([openBrowser(), openOwnStores()]);
  system = await startSystem({ stores, env: { ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'fatal' } });
  url = system.urls[0] as string;
  await call(`${url}/api/coupons`, 'POST', { name: 'drop', amount: 3 }, bearer);
});
afterAll(async () => {
  await browser?.close();
  await system?.close();
});

const open = async (path: string, options = {}): Promise<OpenPage> => {
  const opened = await openPage(browser, url + path, { ...asAdmin, ...options });
  onTestFinished(() => opened.close());
  return opened;
};

describe('without the token', () => {
  test.each(['/live', '/live/events', '/live/assets/live.js', '/live/assets/uPlot.esm.js'])(
    '%s is closed',
    async (path) => {
      const reply = await fetch(url + path);
      expect(reply.status).toBe(401);
      expect(reply.headers.get('www-authenticate')).toContain('Basic');
      await reply.body?.cancel();
    },
  );

  test('no test sale can be started', async () => {
    const sale = { users: 1, units: 1, attempts: 1 };
    expect(await call(`${url}/live/test-sale`, 'POST', sale)).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    });
  });
});

test('with the token as password a browser is let in, and may create coupons', async () => {
  const { page, errors } = await open('/live');
  await becomes(page, 'live');
  await openDrawer(page, 'New coupon');
  await page.locator('#coupon-name').fill('by hand');
  await page.locator('#coupon-amount').fill('7');
  await page.getByRole('button', { name: 'Create' }).click();
  await until(async () => (await shownStock(page, 'by hand'))?.left === 7);
  expect(errors).toEqual([]);
});

test('pages load nothing from elsewhere, and nobody may frame them', async () => {
  for (const path of ['/live', '/admin/queues']) {
    const { headers } = await fetch(url + path, { headers: bearer });
    expect(headers.get('content-security-policy')).toMatch(
      /default-src 'none';script-src 'self'.*frame-ancestors 'none'/,
    );
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
});

describe('the queues page', () => {
  const USER = 'margaret.hamilton@example.com';

  test('shows jobs in words, and no user by name', async () => {
    const lane = laneName(laneOf('drop', LANES_DEFAULT));
    const queue = new Queue(lane, {
      connection: system.stores.redis,
      prefix: lanePrefix(laneOf('drop', LANES_DEFAULT)),
    });
    onTestFinished(() => queue.close());
    // Redis keeps no job that was decided: this one waits.
    await queue.pause();
    const head = { v: 4, id: 'waits', deadline: 1, replyTo: 'nobody' };
    const job = await queue.add('claims', { ...head, coupons: ['drop'], claims: [['claim-id', USER, 0]] });
    const { page, errors } = await open('/admin/queues');
    await page.goto(`${url}/admin/queues/queue/${lane}/${job.id}`);
    await page.getByText('1 claim · drop').first().waitFor();
    await page.getByText('"ma…"').first().waitFor();
    const { body } = await call(`${url}/admin/queues/api/queues?activeQueue=${lane}`, 'GET', undefined, bearer);
    expect(JSON.stringify(body)).not.toContain('margaret');
    expect(await page.locator('body').textContent()).not.toContain('margaret');
    expect(errors).toEqual([]);
    await job.remove();
    await queue.resume();
  });

  test('can only be looked at', async () => {
    expect((await call(`${url}/admin/queues/api/queues/lane-0/pause`, 'PUT', {}, bearer)).status).toBe(405);
  });
});

test('the reference of the API is dark where the reader wants that, fits a phone, and shows how to call it', async () => {
  const { page } = await open('/docs/', { colorScheme: 'dark', viewport: { width: 390, height: 800 } });
  await page.getByText('curl http').waitFor();
  await page.getByText('createClient({ baseUrl').waitFor();
  await page.waitForSelector('html.dark-mode');
  await page.getByRole('button', { name: /^POST \/api\/coupons\/claim/ }).click();
  await page.getByText('Idempotency-Key').first().waitFor();
  await expectNoSidewaysScroll(page);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.waitForSelector('html:not(.dark-mode)');
});

test('a store that is down is shown, and that it is up again', async () => {
  await call(`${url}/api/coupons`, 'POST', { name: 'waits', amount: 7 }, bearer);
  const { page } = await open('/live');
  await page.waitForSelector('#status[data-level="fine"]');

  const [worker] = system.workers as [ProcessHandle];
  await worker.stop();
  await until(async () => (await textOf(page, '#status')).includes('No worker is connected.'));
  const waits = claim(url, 'waits', 'somebody', { prefer: 'wait=1' });
  await until(async () => (await numberOf(page, '#waiting')) === 1);
  await page.waitForSelector('#lane-list .busy');
  expect((await waits).status).toBe(202);
  await system.addWorker();
  await page.waitForSelector('#status[data-level="fine"]');
  await until(async () => (await shownStock(page, 'waits'))?.left === 6);

  await stores.servers.redis.stop(0);
  await until(async () => (await textOf(page, '#status')).includes('Redis does not answer.'));
  expect(await textOf(page, '#workers')).toBe('–');
  expect(await accessibilityFaults(page, '#status')).toEqual([]);
  await stores.servers.redis.start();
  await page.waitForSelector('#status[data-level="fine"]');
});

test('MongoDB that is down is reported with the last known stock', async () => {
  const stream = await openStream(url, bearer);
  const before = await stream.next();
  await stores.proxies.mongo.disconnect();
  let frame = before;
  await until(async () => {
    frame = await stream.next();
    return frame.alerts.some((alert: { code: string }) => alert.code === 'mongo_down');
  });
  expect(frame.coupons.shown).toEqual(before.coupons.shown);
  await stores.proxies.mongo.reconnect();
  await until(async () => (await stream.next()).alerts.length === 0);
  await stream.close();
});

test('an API that stops waits for no page and no test sale, and the page comes back with the next one', async () => {
  await call(`${url}/api/coupons`, 'POST', { name: 'kept', amount: 9 }, bearer);
  const { page } = await open('/live');
  await becomes(page, 'live');
  const [api] = system.apis as [ProcessHandle];
  const stream = await openStream(url, bearer);
  const running = await fetch(`${url}/live/test-sale`, {
    method: 'POST',
    headers: { ...bearer, 'content-type': 'application/json' },
    body: JSON.stringify({ users: 5_000, units: 5_000, attempts: 3 }),
  });
  api.kill('SIGTERM');
  await until(async () => (await stream.next()) === undefined);
  expect(await running.text()).toContain('"stopped":true');
  expect(await api.exited).toEqual({ code: 0, signal: null });
  await becomes(page, 'disconnected');

  const env = { ...process.env, ...stores.env, ADMIN_TOKEN: TOKEN, LOG_LEVEL: 'warn', PORT: new URL(url).port };
  const script = join(import.meta.dirname, '../../apps/api/src/server.ts');
  // As it is run in production, where nobody plays.
  const next = await startProcess({
    name: 'api',
    command: process.execPath,
    args: [script],
    env: { ...env, NODE_ENV: 'production' },
  });
  system.apis.push(next);
  await becomes(page, 'live');
  expect((await shownStock(page, 'kept'))?.left).toBe(9);
  await page.waitForSelector('#open-test', { state: 'hidden' });
  const sale = { users: 1, units: 1, attempts: 1 };
  expect((await call(`${url}/live/test-sale`, 'POST', sale, bearer)).status).toBe(404);
});
