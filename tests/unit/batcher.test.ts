import { Batcher, WaitingClaim } from '@flashclaim/api';
import { JOB_CLAIMS_MAX, LANE_BLOCKED_MS, LANE_JOBS_MAX, LINGER_STEP_MS, TURN_CLAIMS_MAX } from '@flashclaim/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';

const events = { timedOut: () => {}, settled: () => {} };

const newClaim = (id: string, couponName = 'coupon'): WaitingClaim =>
  new WaitingClaim({ id, userId: id, couponName }, 60_000, events);

/** A lane that keeps its batches until they are finished. */
const newLane = (inFlightMax = 1) => {
  const batches: { ids: string[]; finish: () => void }[] = [];
  const batcher = new Batcher({
    inFlightMax,
    send: (claims) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      batches.push({ ids: claims.map(({ id }) => id), finish: resolve });
      for (const claim of claims) claim.settle('unavailable');
      return promise;
    },
  });
  return { batcher, batches };
};

/** A lane for claims whose coupon is the first character of their id, with a clock of its own. */
const newLaneOfCoupons = () => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const { batcher, batches } = newLane();
  const pass = async () => {
    await turn();
    vi.advanceTimersByTime(1_000);
    await turn();
  };
  const add = async (...ids: string[]): Promise<string[]> => {
    for (const id of ids) batcher.add(newClaim(id, id.slice(0, 1)));
    await pass();
    return batches.map(({ ids }) => ids.join(' '));
  };
  /** Adds a claim that has waited long enough for its answer. */
  const addOverdue = async (id: string): Promise<WaitingClaim> => {
    const claim = new WaitingClaim({ id, userId: id, couponName: id.slice(0, 1) }, 1, events);
    vi.advanceTimersByTime(2);
    batcher.add(claim);
    await pass();
    return claim;
  };
  const block = async () => {
    await add('stuck');
    vi.advanceTimersByTime(LANE_BLOCKED_MS);
  };
  return { batcher, batches, add, addOverdue, block };
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('batching', () => {
  test('a claim that finds the lane free goes at once, with all of its turn', async () => {
    const { batcher, batches } = newLane();
    for (const id of ['a', 'b', 'c']) batcher.add(newClaim(id));
    await turn();
    expect(batches.map(({ ids }) => ids)).toEqual([['a', 'b', 'c']]);
  });

  test('later claims wait for the batch in flight, and then go together', async () => {
    const { batcher, batches } = newLane();
    for (const id of ['a', 'b', 'c']) {
      batcher.add(newClaim(id));
      await turn();
    }
    expect(batches).toHaveLength(1);
    batches[0]?.finish();
    await expect.poll(() => batches.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
  });

  test('in a blocked lane, each coupon gets batches of its own, one after the other', async () => {
    const { batches, add, block } = newLaneOfCoupons();
    await block();
    expect(await add('a1', 'b1')).toEqual(['stuck', 'a1', 'b1']);
    expect(await add('a2', 'b2', 'a3', 'b3')).toEqual(['stuck', 'a1', 'b1']);
    batches[2]?.finish();
    expect(await add()).toEqual(['stuck', 'a1', 'b1', 'b2 b3']);
    for (const { finish } of batches) finish();
    expect(await add()).toEqual(['stuck', 'a1', 'b1', 'b2 b3', 'a2 a3']);
    for (const { finish } of batches) finish();
    expect((await add('c1', 'd1')).at(-1)).toBe('c1 d1');
  });

  test('in a blocked lane, a coupon whose batches all fail does not fill the lane', async () => {
    const { batcher, batches, add, block, addOverdue } = newLaneOfCoupons();
    await block();
    await add('b0');
    let sent = 0;
    while (!batcher.isFull('a', LANE_BLOCKED_MS)) await addOverdue(`a${++sent}`);
    expect(batches.length).toBeLessThan(LANE_JOBS_MAX / 10);
    // The claims of others are not sent in smaller batches because of it.
    expect(await add('b1', 'b2')).not.toContain('b1');
    expect(batcher.isFull('b', LANE_BLOCKED_MS)).toBe(false);
    batches.find(({ ids }) => ids.includes('b0'))?.finish();
    expect((await add()).at(-1)).toBe('b1 b2');

    // A claim in no job can't be answered `pending`.
    await add('a-late');
    expect(await (await addOverdue('a-overdue')).answer).toBe('unavailable');
    expect(batches.flatMap(({ ids }) => ids)).not.toContain('a-late');
    for (const { finish } of batches.slice(1)) finish();
    expect((await add()).at(-1)).toBe('a-late');
  });

  test('in a blocked lane, no flush sends more batches than a lane may have', async () => {
    const { batches, add, block } = newLaneOfCoupons();
    await block();
    await add(...Array.from({ length: 2 * LANE_JOBS_MAX }, (_, index) => String.fromCharCode(0x4e00 + index)));
    expect(batches).toHaveLength(LANE_JOBS_MAX);
  });

  test('where Redis is down, all go at once, also in a blocked lane', async () => {
    const { batcher, batches, add, block } = newLaneOfCoupons();
    await block();
    await add('a1');
    expect(await add('a2', 'a3')).toEqual(['stuck', 'a1']);
    batcher.flushAll();
    expect(batches.at(-1)?.ids).toEqual(['a2', 'a3']);
  });

  test('a batch holds a bounded number of claims', async () => {
    const { batcher, batches } = newLane(3);
    batcher.add(newClaim('first'));
    await turn();
    for (let i = 0; i < JOB_CLAIMS_MAX + 1; i++) batcher.add(newClaim(`${i}`));
    await turn();
    expect(batches.map(({ ids }) => ids.length)).toEqual([1, JOB_CLAIMS_MAX, 1]);
  });

  test('flushSoon sends waiting claims although a batch is in flight, and not each in a batch of its own', async () => {
    const { batcher, batches } = newLane();
    batcher.add(newClaim('a'));
    await turn();
    for (const id of ['b', 'c', 'd']) {
      batcher.add(newClaim(id));
      batcher.flushSoon();
      await turn();
    }
    await expect.poll(() => batches.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c', 'd']]);
  });

  test('claims of a long turn of the event loop do not all wait for its end', () => {
    const { batcher, batches } = newLane();
    for (let i = 0; i < TURN_CLAIMS_MAX + 1; i++) batcher.add(newClaim(`${i}`));
    expect(batches.map(({ ids }) => ids.length)).toEqual([TURN_CLAIMS_MAX]);
  });

  test('every claim goes exactly once, in the order of arrival, and none is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 3 }), async (count, inFlightMax) => {
        const { batcher, batches } = newLane(inFlightMax);
        const ids = Array.from({ length: count }, (_, i) => `${i}`);
        for (const [i, id] of ids.entries()) {
          batcher.add(newClaim(id));
          if (i % 3 === 0) await turn();
          if (i % 7 === 0) for (const batch of batches) batch.finish();
        }
        await expect
          .poll(() => {
            for (const batch of batches) batch.finish();
            return batches.flatMap((batch) => batch.ids);
          })
          .toEqual(ids);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a lane that is free', () => {
  test('does not linger for a timer that a long turn of the event loop keeps from ending', async () => {
    const { batcher, batches } = newLane();
    batcher.add(newClaim('first'));
    await turn();
    batcher.add(newClaim('few'));
    batches[0]?.finish();
    // It lingers now: the batch in flight is done, and what waits is small.
    await Promise.resolve();
    await Promise.resolve();
    for (let i = 1; i < TURN_CLAIMS_MAX; i++) batcher.add(newClaim(`${i}`));
    expect(batches.map(({ ids }) => ids.length)).toEqual([1, TURN_CLAIMS_MAX]);
  });
});

describe('a lane that lingers', () => {
  // A linger ends after some milliseconds: on a busy machine, they may pass within a test.
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  /** One that has answered two callers, or as many as these are, while a third waits. */
  const lingering = async (answered: readonly string[] = ['first', 'second']) => {
    const lane = newLane();
    for (const id of answered) lane.batcher.add(newClaim(id));
    await turn();
    lane.batcher.add(newClaim('third'));
    await turn();
    lane.batches[0]?.finish();
    await turn();
    expect(lane.batches).toHaveLength(1);
    return lane;
  };

  test('goes on once all whom it answered are back, and waits for no timer', async () => {
    const { batcher, batches } = await lingering();
    batcher.add(newClaim('first again'));
    await turn();
    expect(batches).toHaveLength(1);
    batcher.add(newClaim('second again'));
    await turn();
    expect(batches[1]?.ids).toEqual(['third', 'first again', 'second again']);
  });

  test('waits for claims that are read after its timer was due', async () => {
    const { batcher, batches } = await lingering();
    setImmediate(() => batcher.add(newClaim('first again')));
    vi.advanceTimersByTime(LINGER_STEP_MS);
    await turn();
    batcher.add(newClaim('second again'));
    await turn();
    expect(batches[1]?.ids).toEqual(['third', 'first again', 'second again']);
  });

  test('with more callers, two batches alternate', async () => {
    const { batches } = await lingering(Array.from({ length: 200 }, (_, index) => `${index}`));
    vi.advanceTimersByTime(LINGER_STEP_MS);
    expect(batches[1]?.ids).toEqual(['third']);
  });

  test('goes on without those who do not come', async () => {
    const { batcher, batches } = await lingering();
    await vi.advanceTimersByTimeAsync(LINGER_STEP_MS);
    expect(batches[1]?.ids).toEqual(['third']);
    batcher.add(newClaim('late'));
    await turn();
    expect(batches).toHaveLength(2);
  });
});

describe('a lane is full', () => {
  const FOREVER_MS = Number.POSITIVE_INFINITY;
  const NO_TIME_MS = -1;

  test('with so many batches in flight, until one of them is done', async () => {
    const { batcher, batches } = newLane();
    for (let i = 0; i < LANE_JOBS_MAX; i++) {
      expect(batcher.isFull('coupon', FOREVER_MS)).toBe(false);
      batcher.add(newClaim(`${i}`));
      batcher.flushAll();
    }
    expect(batches).toHaveLength(LANE_JOBS_MAX);
    expect(batcher.isFull('coupon', FOREVER_MS)).toBe(true);
    batches[7]?.finish();
    await expect.poll(() => batcher.isFull('coupon', FOREVER_MS)).toBe(false);
  });

  test('with more claims than a batch holds, once the oldest is old, until they are decided', async () => {
    const { batcher, batches } = newLane();
    const half = JOB_CLAIMS_MAX / 2;
    for (let i = 0; i < half; i++) batcher.add(newClaim(`${i}`));
    await turn();
    for (let i = half; i < JOB_CLAIMS_MAX; i++) {
      expect(batcher.isFull('coupon', NO_TIME_MS)).toBe(false);
      batcher.add(newClaim(`${i}`));
    }
    expect(batcher.isFull('coupon', NO_TIME_MS)).toBe(true);
    expect(batcher.isFull('coupon', FOREVER_MS)).toBe(false);
    for (const batch of batches) batch.finish();
    await expect.poll(() => batcher.isFull('coupon', NO_TIME_MS)).toBe(false);
  });
});
