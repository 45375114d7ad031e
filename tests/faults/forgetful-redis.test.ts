import { laneName, lanePrefix } from '@flashclaim/lanes';
import { afterEach, expect, test } from 'vitest';
import { claim, countStatuses, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const LANES = 2;

let system: System;
afterEach(() => system?.close());

const urlOf = (i: number): string => system.urls[i % system.urls.length] as string;

/** How many jobs of each lane may run at a time in the whole cluster, as Redis has it. */
const concurrencies = (): Promise<(string | null)[]> =>
  Promise.all(
    Array.from({ length: LANES }, (_, lane) =>
      system.stores.redis.hget(`${lanePrefix(lane)}:${laneName(lane)}:meta`, 'concurrency'),
    ),
  );

const allOneAtATime = async () => (await concurrencies()).every((concurrency) => concurrency === '1');

test('Redis forgets everything, again and again during a sale: exact, every lane back to one job at a time', async () => {
  system = await startSystem({ apis: 2, workers: 2, env: { CLAIM_LANES: `${LANES}`, CLAIM_WAIT_MS: '20000' } });
  const names = ['one', 'two'];
  for (const name of names) await createCoupon(urlOf(0), name, 100_000);
  await until(allOneAtATime);

  const replies: Promise<Reply>[] = [];
  for (let flush = 0; flush < 4; flush++) {
    await until(async () => {
      for (let i = 0; i < 50; i++) replies.push(claim(urlOf(i), names[i % 2] as string, `user-${replies.length}`));
      return (await system.stores.redis.keys('*lane*active')).length > 0;
    });
    await system.stores.redis.flushdb();
    await until(allOneAtATime);
  }
  expect(countStatuses(await Promise.all(replies))).toEqual({ 200: replies.length });
  const coupons = await Promise.all(names.map((name) => readCoupon(urlOf(0), name)));
  expect(coupons.reduce((sum, { claimed_count }) => sum + claimed_count, 0)).toBe(replies.length);
  await expectExact(system.stores.mongo);
});

test('a Redis that starts again empty gets the limit of running jobs again', async () => {
  const stores = await openOwnStores();
  system = await startSystem({ stores, env: { CLAIM_LANES: `${LANES}` } });
  await createCoupon(urlOf(0), 'before and after', 2);
  expect((await claim(urlOf(0), 'before and after', 'before')).status).toBe(200);
  await stores.redis.flushall();
  await stores.servers.redis.stop(0);
  await stores.servers.redis.start();
  await until(allOneAtATime);
  await until(async () => (await claim(urlOf(0), 'before and after', 'after')).status === 200);
  await expectExact(stores.mongo);
});
