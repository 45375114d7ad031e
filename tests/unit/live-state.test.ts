import { findAlerts } from '@flashclaim/api';
import { LANE_STUCK_MS } from '@flashclaim/core';
import { describe, expect, test } from 'vitest';

describe('what is wrong', () => {
  const NOW = 1_800_000_000_000;
  const lane = { lane: 3, claimsHere: 0, waiting: 0, active: 0, delayed: 0, failed: 0, oldestMs: 0 };
  const fine = {
    comparison: { at: NOW, matching: ['a'], tooLarge: [], wrong: [] },
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
