import { expect, test } from 'vitest';
import { GAUGES } from './gauges.ts';
import { judgeLeaks, SAMPLES_MIN } from './judge-leaks.ts';

const MB = 1_024 * 1_024;

/** The leaks that are found if these gauges have these values by sample number, and all others are 0. */
const leaksOf = (samples: number, values: Record<string, (sample: number) => number>): string[] => {
  const taken = Array.from(
    { length: samples },
    (_, sample) => new Map(GAUGES.map(({ name }) => [name, values[name]?.(sample) ?? 0])),
  );
  return judgeLeaks(taken).flatMap(({ gauge, leak }) => (leak === undefined ? [] : [gauge.name]));
};

test('constant growth is a leak', () => {
  const leaks = leaksOf(30, {
    'API 1: heap': (sample) => (50 + 3 * sample) * MB,
    'worker 1: RSS': (sample) => (150 + 15 * sample) * MB,
    'worker 1: file descriptors': (sample) => 40 + 2 * sample,
    'Redis: clients': (sample) => 30 + sample,
    'MongoDB: connections': (sample) => 30 + 3 * sample,
  });
  expect(leaks).toEqual([
    'API 1: heap',
    'worker 1: RSS',
    'worker 1: file descriptors',
    'Redis: clients',
    'MongoDB: connections',
  ]);
});

test('growth at the beginning, or up and down, is not a leak', () => {
  const leaks = leaksOf(30, {
    'API 1: heap': (sample) => (50 + (sample % 4) * 5) * MB,
    'worker 1: RSS': (sample) => (150 + 30 * Math.min(sample, 6)) * MB,
    'Redis: memory': (sample) => (sample % 10) * 8 * MB,
    'Redis: clients': (sample) => (sample === 29 ? 200 : 30),
  });
  expect(leaks).toEqual([]);
});

test('an absolute limit is checked even with one sample', () => {
  const leaks = leaksOf(1, { 'Redis: unknown keys': () => 1, 'Redis: keys of lanes': () => 100_000 });
  expect(leaks).toEqual(['Redis: keys of lanes', 'Redis: unknown keys']);
});

test('growth is not judged with too few samples', () => {
  const grows = { 'API 1: heap': (sample: number) => sample * 1_000 * MB };
  expect(leaksOf(SAMPLES_MIN - 1, grows)).toEqual([]);
  expect(leaksOf(SAMPLES_MIN, grows)).toEqual(['API 1: heap']);
});
