import { setTimeout as sleep } from 'node:timers/promises';
import { handlerTimeoutMs } from '@flashclaim/core';
import { afterEach, expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { HistoryRecorder } from '../support/history.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const COUPONS = ['hot', 'warm'];
const CALLERS = 24;
const WAIT_MS = 1_000;
const FORGETS = 'Redis forgets everything';

let stores: OwnStores;
let system: System;
afterEach(() => system?.close());

/** What goes away, how, and how it comes back. */
const FAULTS = (): [string, () => Promise<void> | void, () => Promise<void> | void][] => {
  const { servers, proxies } = stores;
  return [
    ['Redis is killed', () => servers.redis.stop(0), () => servers.redis.start()],
    ['MongoDB is killed', () => servers.mongo.stop(0), () => servers.mongo.start()],
    ['Redis is stopped', () => servers.redis.kill('SIGSTOP'), () => servers.redis.kill('SIGCONT')],
    ['MongoDB is stopped', () => servers.mongo.kill('SIGSTOP'), () => servers.mongo.kill('SIGCONT')],
    ['Redis is unplugged', proxies.redis.disconnect, proxies.redis.reconnect],
    ['MongoDB is unplugged', proxies.mongo.disconnect, proxies.mongo.reconnect],
    [FORGETS, async () => void (await stores.redis.flushall()), () => {}],
  ];
};

test('a sale goes through every outage of each store, and every answer is true', { tags: ['slow'] }, async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, apis: 2, workers: 2, env: { CLAIM_WAIT_MS: `${WAIT_MS}` } });
  const { urls } = system;
  const history = new HistoryRecorder();
  for (const coupon of COUPONS) await history.create(urls[0] as string, coupon, 100_000);

  let turn = 0;
  let over = false;
  const callers = Array.from({ length: CALLERS }, async (_, caller) => {
    const url = urls[caller % urls.length] as string;
    while (!over) {
      const user = `user-${++turn}`;
      const coupon = COUPONS[turn % 2] as string;
      const key = turn % 3 === 0 ? { key: `key-${turn}` } : {};
      const first = await history.claim(url, coupon, user, key);
      if (first.status !== 503) continue;
      await history.read(url, coupon);
      await sleep(100);
      await history.claim(url, coupon, user, key);
    }
  });

  const isWell = async (url: string) => (await call(`${url}/health`, 'GET')).status === 200;
  for (const [what, inject, heal] of FAULTS()) {
    history.mark('broken', what);
    await inject();
    if (what === FORGETS) history.redisLosesWrites();
    else await until(async () => !(await isWell(urls[0] as string)));
    await heal();
    for (const url of urls) await until(() => isWell(url));
    history.mark('recovered', what);
    const before = turn;
    await until(async () => turn > before + 100);
  }
  over = true;
  await Promise.all(callers);

  await history.expectConsistent(system, { answerMaxMs: handlerTimeoutMs(WAIT_MS) });
  expect(turn).toBeGreaterThan(FAULTS().length * 100);
});
