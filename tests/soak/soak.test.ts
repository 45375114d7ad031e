import { expect, onTestFinished, test } from 'vitest';
import { plantApps } from '../support/planted-apps.ts';
import type { FaultName } from './faults.ts';
import { describeSoak, isClean } from './report.ts';
import { soak } from './soak.ts';

const SEED = 1;
/** One of each part. */
const FAULTS: FaultName[] = ['worker killed', 'Redis forgets everything', 'primary steps down', 'API killed'];
const TEST_MAX_MS = 180_000;

test(
  'nobody is told anything untrue, and nothing is left behind',
  async () => {
    const result = await soak({ seed: SEED, forMs: 0, faults: FAULTS });
    if (!isClean(result)) throw new Error(describeSoak(result));
    expect(result.recoveries.map(({ what }) => what)).toEqual(FAULTS);
    // All kinds of callers have called.
    const told = ['200 claimed', '200 claimed, replayed', '202 pending', '400 out_of_stock', '409 already_claimed'];
    for (const what of [...told, '404 coupon_not_found', 'hung up'])
      expect(result.told.get(what), what).toBeGreaterThan(0);
    for (const { gauge, median } of result.gauges)
      if (gauge.max !== 0 && !gauge.name.includes('notes')) expect(median, gauge.name).toBeGreaterThan(0);
  },
  TEST_MAX_MS,
);

test('a bug that was planted is found: the last unit is kept back', { tags: ['slow'] }, async () => {
  const file = 'packages/core/src/decide-claims.ts';
  const planted = await plantApps([{ file, of: 'if (left === 0)', instead: 'if (left <= 1)' }]);
  onTestFinished(planted.remove);
  const { apps } = planted;
  const result = await soak({ seed: SEED, forMs: 0, faults: Array(3).fill('connections of callers reset'), apps });
  expect(new Set(result.violations.map(({ invariant }) => invariant))).toEqual(new Set(['I8']));
  expect(isClean(result)).toBe(false);
  expect(describeSoak(result)).toContain('A history is in ');
});
