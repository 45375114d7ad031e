import { describe, expect, test } from 'vitest';
import { describePairs } from '../../bench/against/compare-states.ts';
import { medianInterval } from '../../bench/measure/median-interval.ts';

describe('the interval of a median', () => {
  const upTo = (n: number) => Array.from({ length: n }, (_, index) => n - index);
  // From tables of the binomial distribution with p = 1/2.
  test.each([
    [1, 1, 1, 1, 0],
    [4, 2.5, 1, 4, 0.875],
    [5, 3, 1, 5, 0.9375],
    [10, 5.5, 2, 9, 0.9785],
    [20, 10.5, 6, 15, 0.9586],
    [21, 11, 7, 15, 0.9216],
  ])('of the numbers 1 to %i: %f, from %i to %i', (n, median, low, high, probability) => {
    const found = medianInterval(upTo(n));
    expect(found).toMatchObject({ median, low, high });
    expect(found.probability).toBeCloseTo(probability, 4);
  });
});

test('two states are compared pair by pair, and runs with a fault are left out', () => {
  const run = (who: string, round: number, perSecond: number) => ({ load: 'hot', who, round, perSecond, p50Ms: 2 });
  const runs = [
    ...[1, 2, 3, 4, 5].flatMap((round) => [run('this', round, 150 * round), run('abc', round, 100 * round)]),
    { load: 'hot', who: 'this', round: 6, fault: 'no answer at all' },
    run('abc', 6, 1),
  ];
  const table = describePairs('hot', 'abc', runs);
  expect(table).toMatch(/per second +450 +300 +1.50 +1.50–1.50 +yes/);
  expect(table).toMatch(/p50 +2.00 +2.00 +1.00 +1.00–1.00 +yes/);
  expect(table).toContain('this, pair 6: no answer at all');
});
