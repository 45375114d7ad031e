import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type Mutation, mutateApps } from '../support/mutated-apps.ts';
import type { FaultName } from './faults.ts';
import { SAMPLES_MIN } from './judge-leaks.ts';
import { describeSoak, isClean } from './report.ts';
import { type SoakResult, soak } from './soak.ts';

const SEED = 1;
/** One of each part. */
const FAULTS: FaultName[] = [
  'worker killed',
  'Redis loses all data',
  'Redis fails over',
  'primary steps down',
  'clock of a worker steps',
  'API with another number of lanes',
  'API killed',
];

test('every answer is true, and nothing is left behind', { tags: ['slow'] }, async () => {
  const result = await soak({ seed: SEED, stop: { afterGenerations: 1 }, faults: FAULTS });
  if (!isClean(result)) throw new Error(describeSoak(result));
  expect(result.recoveries.map(({ what }) => what)).toEqual(FAULTS);
  // All kinds of callers got an answer.
  const claimAnswers = [
    '200 claimed',
    '200 claimed, replayed',
    '202 pending',
    '400 out_of_stock',
    '409 already_claimed',
  ];
  const others = ['403 sale_not_open', '404 coupon_not_found', 'hung up', 'release: 200 released', 'change: 200'];
  for (const what of [...claimAnswers, ...others]) expect(result.answers.get(what), what).toBeGreaterThan(0);
  for (const { gauge, median } of result.gauges)
    if (gauge.max !== 0 && !gauge.name.includes('notes')) expect(median, gauge.name).toBeGreaterThan(0);
});

const soakMutated = async (mutation: Mutation, afterGenerations: number): Promise<SoakResult> => {
  const { apps, remove } = await mutateApps([mutation]);
  onTestFinished(remove);
  const faults: FaultName[] = Array(3).fill('connections of callers reset');
  return soak({ seed: SEED, stop: { afterGenerations }, faults, apps });
};

describe('mutations are found', { tags: ['slow'] }, () => {
  test('a bug: the last unit is kept back', async () => {
    const file = 'packages/core/src/decide-claims.ts';
    const result = await soakMutated({ file, of: 'if (left === 0)', instead: 'if (left <= 1)' }, 1);
    for (const history of result.histories) onTestFinished(() => rm(dirname(history), { recursive: true }));
    // Sometimes I5 as well: a worker that predicts a remaining unit has not read who holds one.
    expect(result.violations.map(({ invariant }) => invariant)).toContain('I8');
    expect(isClean(result)).toBe(false);
    expect(describeSoak(result)).toContain('A history is in ');
  });

  test('a leak: an API process keeps something of every claim', async () => {
    const file = 'apps/api/src/claims/claim-path.ts';
    const of = 'this.admission.acquire();';
    const keep = '(globalThis.kept ??= []).push(Array(10_000).fill(1));';
    const result = await soakMutated({ file, of, instead: `${of} ${keep}` }, SAMPLES_MIN);
    expect(result.violations).toEqual([]);
    const leaks = result.gauges.filter(({ leak }) => leak !== undefined);
    expect(leaks.map(({ gauge }) => gauge.name)).toContain('API 1: heap');
    expect(isClean(result)).toBe(false);
  });
});
