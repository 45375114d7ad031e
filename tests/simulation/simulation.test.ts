import type { Invariant } from '@flashclaim/audit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VirtualClock } from './clock.ts';
import { describeFailure } from './describe-failure.ts';
import { findFailure } from './find.ts';
import { MUTATIONS, type Mutation } from './mutations.ts';
import { simulate } from './simulate.ts';
import { newCoverage } from './world.ts';

const FIRST_SEED = 1;
/** In `npm test`, and in `npm run test:faults`. */
const RUNS = 1_000;
const RUNS_SLOW = 10_000;

/** The invariant that each mutation violates. */
const VIOLATED: Record<Mutation, Invariant> = {
  'holders unseen': 'I2',
  'ids unseen': 'I5',
  'no guard': 'I1',
  'commit unchecked': 'I4',
  'unknown is success': 'I4',
  'result of another': 'I5',
  'lost job looks active': 'I7',
  'record only for refusals': 'I5',
  'record read by local concern': 'I7',
  'expiry by clock alone': 'I5',
  'pending record overwritten': 'I7',
  "key answered by another request's record": 'I6',
  "deadline from the API's own clock": 'I7',
  'group drops the duplicate of a recorded job': 'I7',
  'status reads claims first': 'I7',
  'missing lane treated as refused': 'I5',
  'release twice': 'I3',
  'stale window after PATCH': 'I5',
  'sequence given twice': 'I1',
  'refused after restock': 'I8',
  'unit lost when a released user claims again': 'I3',
  'released claim granted again by its own job': 'I4',
  'PATCH below granted units': 'I1',
  'cursor that skips': 'I3',
  'read shared with an earlier caller': 'I3',
  'wall clock instead of monotonic clock': 'I7',
};
const SEEDS_TO_FIND_MAX = 5_000;
/** Where the search begins for mutations that few seeds find: the seeds before would only take time. */
const FIRST_SEEDS: Partial<Record<Mutation, number>> = {
  'record read by local concern': 800,
  'wall clock instead of monotonic clock': 200,
};

let clock: VirtualClock;
beforeAll(() => {
  clock = new VirtualClock();
});
afterAll(() => clock?.uninstall());

const runAll = async (first: number, runs: number): Promise<void> => {
  const coverage = newCoverage();
  const found = await findFailure(clock, { first, runs, coverage });
  if (found) throw new Error(await describeFailure(clock, found.seed));
  // Every kind of event must have happened: otherwise the test proves nothing.
  expect(Object.entries(coverage).filter(([, count]) => count === 0)).toEqual([]);
};

test('every answer is true, whatever fails', () => runAll(FIRST_SEED, RUNS), 600_000);
test('the same for more seeds', { tags: ['slow'] }, () => runAll(FIRST_SEED + RUNS, RUNS_SLOW));

/** Seeds that failed once, and why. */
const FAILED_ONCE: [number, string][] = [
  [1609, 'the status of a claim was the refusal of an earlier request with its key'],
  [20053114, 'after an election a sold-out read saw a claim, but not its coupon: the caller got 404'],
  [9873, 'a status said claimed after a release was answered: a majority read of a new primary lagged'],
  [90021810, 'a released key was refused as already_claimed, because of another claim of its user in the same job'],
  [51, 'after an election a read of a coupon lagged behind what earlier callers had seen'],
  [71452713, 'the checker took a status that was read at the moment of a 202 as read after it'],
];

test.for(FAILED_ONCE)('seed %i: %s', async ([seed]) => {
  const { violations } = await simulate(clock, seed);
  if (violations.length > 0) throw new Error(await describeFailure(clock, seed));
});

test('a seed determines a run', async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + 20; seed++) {
    const one = await simulate(clock, seed, { traced: true });
    await simulate(clock, seed + 1);
    const other = await simulate(clock, seed, { traced: true });
    expect(other.trace).toEqual(one.trace);
    expect(one.trace.length).toBeGreaterThan(0);
  }
});

describe('a mutation around the claim path is found', () => {
  test.for(Object.entries(VIOLATED) as [Mutation, Invariant][])('%s: %s', async ([mutation, invariant]) => {
    const first = FIRST_SEEDS[mutation] ?? FIRST_SEED;
    const found = await findFailure(clock, { first, runs: SEEDS_TO_FIND_MAX, mutations: [mutation], invariant });
    expect(found, MUTATIONS[mutation]).toBeDefined();
    console.log(`${mutation}: ${found?.invariants.join(', ')} after ${(found?.seed ?? 0) - first + 1} seeds`);
  });
});
