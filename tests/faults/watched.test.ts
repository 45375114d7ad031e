import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, createCoupon } from '../support/call-api.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { scrape } from '../support/scrape.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let stores: OwnStores;
let system: System;
let api: string;
let worker: string;

beforeAll(async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, env: { LOG_LEVEL: 'fatal' } });
  api = system.urls[0] as string;
  worker = system.workerUrls[0] as string;
});
afterAll(() => system?.close());

const statusOf = (url: string): Promise<number> =>
  call(url, 'GET').then(
    ({ status }) => status,
    () => 0,
  );
const isReady = async (): Promise<boolean> =>
  (await statusOf(`${api}/readyz`)) === 200 && (await statusOf(`${worker}/readyz`)) === 200;

describe.each([
  ['redis', 'Redis'],
  ['mongo', 'MongoDB'],
] as const)('while %s answers nobody', (store, name) => {
  test('both say so, neither has to be restarted, and both still serve metrics', async () => {
    await until(isReady);
    stores.servers[store].kill('SIGSTOP');
    for (const url of [api, worker]) {
      await until(async () => (await statusOf(`${url}/readyz`)) === 503);
      expect((await call(`${url}/readyz`, 'GET')).body.detail).toContain(name);
      expect(await statusOf(`${url}/livez`)).toBe(200);
    }
    // The first ones may still be of a moment ago.
    await until(async () => (await scrape(api)).value(`flashclaim_store_up{store="${store}"}`) === 0);
    const told = await scrape(api);
    expect(told.value('flashclaim_lane_jobs{lane="0",state="waiting"}')).toBe(store === 'redis' ? undefined : 0);
    expect((await scrape(worker)).value('flashclaim_stuck_lanes')).toBe(0);

    stores.servers[store].kill('SIGCONT');
    await until(isReady);
    await until(async () => (await scrape(api)).value(`flashclaim_store_up{store="${store}"}`) === 1);
    expect((await scrape(api)).value('flashclaim_lane_jobs{lane="0",state="waiting"}')).toBe(0);
    await createCoupon(api, `after ${store}`, 1);
    expect((await claim(api, `after ${store}`, 'user')).status).toBe(200);
  });
});
