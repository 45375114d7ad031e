import { Gather, WaitingClaim } from '@flashclaim/api';
import { JOB_CLAIMS_MAX } from '@flashclaim/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const listener = { hasten: () => {}, settled: () => {} };

const newClaim = (id: string): WaitingClaim =>
  new WaitingClaim({ id, userId: id, couponName: 'coupon' }, 60_000, listener);

/** A lane that keeps its batches until they are finished. */
const newLane = (underWayMax = 1) => {
  const batches: { ids: string[]; finish: () => void }[] = [];
  const gather = new Gather({
    underWayMax,
    send: (claims) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      batches.push({ ids: claims.map(({ id }) => id), finish: resolve });
      for (const claim of claims) claim.settle('unavailable');
      return promise;
    },
  });
  return { gather, batches };
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('gathering', () => {
  test('a claim that finds the lane free goes at once, with all of its turn', async () => {
    const { gather, batches } = newLane();
    for (const id of ['a', 'b', 'c']) gather.add(newClaim(id));
    await turn();
    expect(batches.map(({ ids }) => ids)).toEqual([['a', 'b', 'c']]);
  });

  test('later claims wait for the batch under way, and then go together', async () => {
    const { gather, batches } = newLane();
    for (const id of ['a', 'b', 'c']) {
      gather.add(newClaim(id));
      await turn();
    }
    expect(batches).toHaveLength(1);
    batches[0]?.finish();
    await expect.poll(() => batches.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
  });

  test('a batch holds a bounded number of claims', async () => {
    const { gather, batches } = newLane(3);
    for (let i = 0; i < JOB_CLAIMS_MAX + 1; i++) gather.add(newClaim(`${i}`));
    await turn();
    expect(batches.map(({ ids }) => ids.length)).toEqual([JOB_CLAIMS_MAX, 1]);
  });

  test('hasten sends whatever waits, whatever is under way', async () => {
    const { gather, batches } = newLane();
    gather.add(newClaim('a'));
    await turn();
    gather.add(newClaim('b'));
    gather.hasten();
    expect(batches.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
  });

  test('every claim goes exactly once, in the order of arrival, and none is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 3 }), async (count, underWayMax) => {
        const { gather, batches } = newLane(underWayMax);
        const ids = Array.from({ length: count }, (_, i) => `${i}`);
        for (const [i, id] of ids.entries()) {
          gather.add(newClaim(id));
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
