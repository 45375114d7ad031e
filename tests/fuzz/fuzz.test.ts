import { randomInt } from 'node:crypto';
import type { Mongo } from '@flashclaim/store';
import { expect, onTestFinished, test } from 'vitest';
import { expectExact } from '../support/expect-exact.ts';
import { startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';
import { ACCESS_NAMES, accessOf } from './access.ts';
import { fuzz } from './fuzz.ts';

const isExact = (mongo: Mongo): Promise<boolean> =>
  expectExact(mongo).then(
    () => true,
    () => false,
  );

const REQUESTS = 500;

/** The requests take some seconds; more on a busy machine. */
const TEST_MAX_MS = 240_000;

test.for(ACCESS_NAMES)(
  'every answer to any request is documented, with access: %s',
  { timeout: TEST_MAX_MS },
  async (name) => {
    const access = await accessOf(name);
    const system = await startSystem({ env: access.env });
    onTestFinished(() => system.close());
    const seed = randomInt(2 ** 31);
    console.log(
      `fuzz: ${REQUESTS} requests; to repeat them: npm run fuzz -- --access ${name} --requests ${REQUESTS} --seed ${seed}`,
    );
    const [url = ''] = system.urls;
    const coverage = await fuzz({ url, seed, access, stop: { afterRequests: REQUESTS } });
    expect([...coverage.values()].reduce((sum, count) => sum + count)).toBe(REQUESTS);
    // Some callers did not wait; their claims may still be in flight.
    await until(() => isExact(system.stores.mongo));
  },
);
