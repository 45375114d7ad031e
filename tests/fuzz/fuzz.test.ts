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

/** The requests take some seconds; more on a busy machine. */
const TEST_MAX_MS = 240_000;

let system: System;
beforeAll(async () => {
  system = await startSystem();
});
afterAll(() => system?.close());

test(
  'every answer to any request is documented',
  async () => {
    const seed = randomInt(2 ** 31);
    console.log(`fuzz: ${REQUESTS} requests; to repeat them: npm run fuzz -- --requests ${REQUESTS} --seed ${seed}`);
    const coverage = await fuzz({ url: system.urls[0] as string, seed, stop: { afterRequests: REQUESTS } });
    expect([...coverage.values()].reduce((sum, count) => sum + count)).toBe(REQUESTS);
    // Some callers did not wait; their claims may still be in flight.
    await until(() => isExact(system.stores.mongo));
  },
  TEST_MAX_MS,
);
