import type { Invariant } from '@flashclaim/audit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VirtualClock } from './clock.ts';
import { describeFailure } from './describe-failure.ts';
import { findFailure } from './find.ts';
import { simulate } from './simulate.ts';
import { newMet, PLANTS, type Plant } from './world.ts';

const FIRST_SEED = 1;
const RUNS = 10_000;

/** What each planted bug does to claims. */
const BREAKS: Record<Plant, Invariant> = {
  'holders unseen': 'I2',
  'ids unseen': 'I5',
  'no guard': 'I1',
  'commit unchecked': 'I4',
  'unknown is success': 'I5',
  'requests renamed': 'I6',
  'result of another': 'I5',
  'forgotten looks active': 'I7',
  'notes not renewed': 'I7',
  'refused before completion': 'I5',
  'lost jobs granted': 'I5',
  'owed notes forgotten': 'I7',
  'late decisions unnoted': 'I7',
};
const SEEDS_TO_FIND_MAX = 1_500;

let clock: VirtualClock;
beforeAll(() => {
  clock = new VirtualClock();
});
afterAll(() => clock?.uninstall());

test('nobody is told anything untrue, whatever breaks', async () => {
  const met = newMet();
  const found = await findFailure(clock, { first: FIRST_SEED, runs: RUNS, met });
  if (found) throw new Error(await describeFailure(clock, found.seed));
  // Whatever can break has broken: otherwise this says nothing.
  expect(Object.entries(met).filter(([, count]) => count === 0)).toEqual([]);
  // Within a minute, also beside some other work; the rest is for machines that are busier.
}, 240_000);

/** And why they did. */
const FAILED_ONCE: [number, string][] = [
  [666, 'a run that had lost its job granted what another had refused meanwhile'],
  [4577156, 'a late answer refused what the job was granted that Redis had forgotten, and was told again'],
];

test.for(FAILED_ONCE)('seed %i: %s', async ([seed]) => {
  const { violations } = await simulate(clock, seed);
  if (violations.length > 0) throw new Error(await describeFailure(clock, seed));
});

test('a seed tells all of a run', async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + 20; seed++) {
    const one = await simulate(clock, seed, { traced: true });
    await simulate(clock, seed + 1);
    const other = await simulate(clock, seed, { traced: true });
    expect(other.trace).toEqual(one.trace);
    expect(one.trace.length).toBeGreaterThan(0);
  }
});

describe('a bug around the claim path is found', () => {
  test.for(Object.entries(BREAKS) as [Plant, Invariant][])('%s: %s', async ([plant, invariant]) => {
    const seeds = { first: FIRST_SEED, runs: SEEDS_TO_FIND_MAX };
    const found = await findFailure(clock, { ...seeds, plants: [plant], invariant });
    expect(found, PLANTS[plant]).toBeDefined();
    console.log(`${plant}: ${found?.invariants.join(', ')} after ${(found?.seed ?? 0) - FIRST_SEED + 1} seeds`);
  });
});
