import { AnswerTimes, findAlerts } from '@flashclaim/api';
import { LANE_STUCK_MS } from '@flashclaim/core';
import { describe, expect, test } from 'vitest';

describe('what is wrong', () => {
  const NOW = 1_800_000_000_000;
  const lane = { lane: 3, claimsHere: 0, waiting: 0, active: 0, delayed: 0, failed: 0, oldestMs: 0 };
  const fine = {
    comparison: { at: NOW, compared: 1, tooLarge: 0, wrong: [] },
    lanes: [lane],
    workers: 2,
    redisDown: false,
    mongoDown: false,
    rejectedShare: 0,
  };

  test.each([
    ['nothing', {}, []],
    ['Redis', { redisDown: true, lanes: undefined, workers: undefined }, ['redis_down']],
    ['MongoDB', { mongoDown: true, comparison: undefined }, ['mongo_down']],
    ['no worker', { workers: 0 }, ['no_worker']],
    ['a busy lane', { lanes: [{ ...lane, waiting: 9, oldestMs: LANE_STUCK_MS }] }, []],
    ['a lane that is stuck', { lanes: [lane, { ...lane, oldestMs: LANE_STUCK_MS + 1 }] }, ['lane_stuck']],
    ['jobs that failed', { lanes: [{ ...lane, failed: 1 }] }, ['jobs_failed']],
    ['more than a tenth of the claims rejected', { rejectedShare: 0.11 }, ['claims_rejected']],
    ['a tenth of the claims rejected', { rejectedShare: 0.1 }, []],
    [
      'a claim too many, and all the rest',
      {
        comparison: { ...fine.comparison, wrong: [{ name: 'a', amount: 1, remaining: 0, claims: 2 }] },
        workers: 0,
        mongoDown: true,
      },
      ['not_exact', 'mongo_down', 'no_worker'],
    ],
  ])('%s', (_, changed, codes) => {
    expect(findAlerts({ ...fine, ...changed }).map(({ code }) => code)).toEqual(codes);
  });
});

describe('answer times', () => {
  const timesOf = (...all: number[]): AnswerTimes => {
    const times = new AnswerTimes();
    for (const ms of all) times.add(ms);
    return times;
  };

  test('of nobody are not known', () => {
    expect(timesOf().quantile(0.5)).toBeUndefined();
  });

  test('are those within which a share of the callers was answered', () => {
    const times = timesOf(...Array.from({ length: 100 }, (_, i) => i + 1));
    expect([times.quantile(0.5), times.quantile(0.99), times.quantile(1)]).toEqual([50, 99, 100]);
    expect([timesOf(7).quantile(0.5), timesOf(7.9).quantile(0.5)]).toEqual([7, 7]);
  });

  test('of more than a second are never told as less than they were, nor as more than a tenth of a second more', () => {
    expect([timesOf(1_000).quantile(1), timesOf(4_321).quantile(1)]).toEqual([1_100, 4_400]);
  });

  test('may be joined, and a clock that went back breaks nothing', () => {
    const times = timesOf(10, 10);
    times.addAll(timesOf(-5, 90_000));
    expect([times.quantile(0.25), times.quantile(0.75), times.count]).toEqual([0, 10, 4]);
  });
});
