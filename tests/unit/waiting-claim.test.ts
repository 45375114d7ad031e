import { Batcher, WaitingClaim } from '@flashclaim/api';
import { ASYNC_BATCH_MAX_MS } from '@flashclaim/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const place = { jobId: 'job', index: 0, deadline: 1 };

/** A lane whose jobs are never answered. */
const newLane = () => {
  const jobs: string[][] = [];
  const batcher = new Batcher({
    inFlightMax: 1,
    send: (claims) => {
      jobs.push(claims.map(({ id }) => id));
      for (const claim of claims) claim.enqueued(place);
      return new Promise(() => {});
    },
  });
  const events = { timedOut: () => batcher.flushSoon(), settled: () => {} };
  const add = (id: string, waitMs: number): WaitingClaim => {
    const claim = new WaitingClaim({ id, userId: id, couponName: 'coupon' }, waitMs, events);
    batcher.add(claim);
    return claim;
  };
  return { jobs, add };
};

test('with respond-async the answer is `pending` as soon as the claim is in a job, and not before', async () => {
  const lane = newLane();
  const claim = lane.add('a', 0);
  const told = vi.fn();
  claim.answer.then(told);
  await Promise.resolve();
  expect(told).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toHaveBeenCalledWith('pending');
});

test('claims with respond-async wait like all others, and share a job soon', async () => {
  const lane = newLane();
  const ids = Array.from({ length: 20 }, (_, i) => `${i}`);
  for (const id of ids) {
    lane.add(id, 0);
    await vi.advanceTimersByTimeAsync(2);
  }
  // The first went at once, and is in flight for ever.
  expect(lane.jobs).toEqual([['0']]);
  await vi.advanceTimersByTimeAsync(ASYNC_BATCH_MAX_MS);
  expect(lane.jobs).toEqual([['0'], ids.slice(1)]);
  await vi.advanceTimersByTimeAsync(10 * ASYNC_BATCH_MAX_MS);
  expect(lane.jobs).toHaveLength(2);
});

test('the answer is `pending` when the wait is over', async () => {
  const lane = newLane();
  const told = vi.fn();
  lane.add('a', 3_000).answer.then(told);
  await vi.advanceTimersByTimeAsync(2_999);
  expect(told).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(told).toHaveBeenCalledWith('pending');
});
