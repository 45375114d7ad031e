import { randomInt } from 'node:crypto';
import type { Mongo } from '@flashclaim/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';
import { fuzz } from './fuzz.ts';

const isExact = (mongo: Mongo): Promise<boolean> =>
  expectExact(mongo).then(
    () => true,
    () => false,
  );

const REQUESTS = 1_000;

/** They take some seconds; more on a machine that does much else. */
const TEST_MAX_MS = 240_000;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system?.close());

test(
  'whatever is sent, the answer is one that the document has',
  async () => {
    const seed = randomInt(2 ** 31);
    console.log(`fuzz: ${REQUESTS} requests; the same again: npm run fuzz -- --requests ${REQUESTS} --seed ${seed}`);
    const met = await fuzz({ url: system.urls[0] as string, seed, stop: { afterRequests: REQUESTS } });
    expect([...met.values()].reduce((sum, count) => sum + count)).toBe(REQUESTS);
    // Some callers did not wait; their claims may still be on their way.
    await until(() => isExact(system.stores.mongo));
  },
  TEST_MAX_MS,
);
