import { setTimeout as sleep } from 'node:timers/promises';
import { LIVE_PAGES_MAX } from '@flashclaim/core';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openBrowser } from '../support/chromium.ts';
import { becomes, openPage, textOf } from '../support/live-page.ts';
import { openStream } from '../support/live-stream.ts';
import { type System, startSystem } from '../support/system.ts';
import { openTcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** The page tries again after a second and a half. */
const RETRIED_WITHIN_MS = 2_500;
const TOKEN = 'a token for tests';
const asAdmin = { httpCredentials: { username: 'anybody', password: TOKEN } };

let browser: Browser;
let system: System;
let url: string;
beforeAll(async () => {
  [browser, system] = await Promise.all([openBrowser(), startSystem({ env: { ADMIN_TOKEN: TOKEN } })]);
  url = system.urls[0] as string;
});
afterAll(async () => {
  await browser?.close();
  await system?.close();
});

const open = async (at: string) => {
  const opened = await openPage(browser, 'about:blank', asAdmin);
  onTestFinished(() => opened.close());
  return { page: opened.page, go: () => opened.page.goto(at) };
};
const says = (page: Parameters<typeof textOf>[0], text: string) =>
  until(async () => (await textOf(page, '#connection')).includes(text));

/** A live page that receives its numbers over connections that can be broken. */
const openOverLink = async () => {
  const link = await openTcpProxy(Number(new URL(url).port));
  onTestFinished(() => link.close());
  const { page, go } = await open(`http://127.0.0.1:${link.port}/live`);
  await go();
  await becomes(page, 'live');
  return { page, link };
};

test('a page that is one too many says so', async () => {
  const bearer = { authorization: `Bearer ${TOKEN}` };
  const streams = await Promise.all(Array.from({ length: LIVE_PAGES_MAX }, () => openStream(url, bearer)));
  const { page, go } = await open(`${url}/live`);
  await go();
  await says(page, 'Too many live pages. Trying again');
  await Promise.all(streams.map((stream) => stream.close()));
  await becomes(page, 'live');
});

test('a connection that dies without a word is noticed, and another one opened', async () => {
  const { page, link } = await openOverLink();
  // The connections that brought the page itself would be tried first, one after the other.
  link.reset();
  await becomes(page, 'disconnected');
  await becomes(page, 'live');
  link.forget();
  link.lose('everything');
  await becomes(page, 'disconnected');
  expect(await textOf(page, '#connection')).toBe('Disconnected. Trying again');
  // What is open stays dead.
  link.lose('nothing');
  await becomes(page, 'live');
});

test('a first connection that is never answered is given up, too', async () => {
  const { page, go } = await open(`${url}/live`);
  await page.route('**/live/events', () => {}, { times: 1 });
  await go();
  await becomes(page, 'live');
});

test('a page that is not let in any more says so, and does not ask for the password again and again', async () => {
  const { page, link } = await openOverLink();
  let asked = 0;
  await page.route('**/live/events', (route) => {
    asked++;
    return route.fulfill({ status: 401, body: '' });
  });
  link.reset();
  await says(page, 'Access denied. Reload the page');
  await sleep(RETRIED_WITHIN_MS);
  expect(asked).toBe(2);
});
