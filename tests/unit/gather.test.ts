import { Gather, Slots, WaitingClaim } from '@flashclaim/api';
import { JOB_CLAIMS_MAX } from '@flashclaim/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const listener = { hasten: () => {}, settled: () => {} };

const newClaim = (id: string): WaitingClaim =>
  new WaitingClaim({ id, userId: id, couponName: 'coupon' }, 60_000, listener);

/** A lane that keeps its batches until they are finished. */
const newLane = (slots: Slots, underWayMax = 1) => {
  const batches: { ids: string[]; finish: () => void }[] = [];
  const gather = new Gather({
    underWayMax,
    slots,
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
    const { gather, batches } = newLane(new Slots(2));
    for (const id of ['a', 'b', 'c']) gather.add(newClaim(id));
    await turn();
    expect(batches.map(({ ids }) => ids)).toEqual([['a', 'b', 'c']]);
  });

  test('later claims wait for the batch under way, and then go together', async () => {
    const { gather, batches } = newLane(new Slots(2));
    for (const id of ['a', 'b', 'c']) {
      gather.add(newClaim(id));
      await turn();
    }
    expect(batches).toHaveLength(1);
    batches[0]?.finish();
    await expect.poll(() => batches.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c']]);
  });

  test('a batch holds a bounded number of claims', async () => {
    const { gather, batches } = newLane(new Slots(2), 3);
    for (let i = 0; i < JOB_CLAIMS_MAX + 1; i++) gather.add(newClaim(`${i}`));
    await turn();
    expect(batches.map(({ ids }) => ids.length)).toEqual([JOB_CLAIMS_MAX, 1]);
  });

  test('hasten sends whatever waits, whatever is under way', async () => {
    const { gather, batches } = newLane(new Slots(1));
    gather.add(newClaim('a'));
    await turn();
    gather.add(newClaim('b'));
    gather.hasten();
    expect(batches.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
  });
});

describe('slots', () => {
  test('a lane that has nothing to send any more does not keep the slot from the next', async () => {
    const slots = new Slots(1);
    const [busy, gone, next] = [newLane(slots), newLane(slots), newLane(slots)];
    busy.gather.add(newClaim('a'));
    await turn();
    gone.gather.add(newClaim('b'));
    next.gather.add(newClaim('c'));
    await turn();
    gone.gather.hasten();
    busy.batches[0]?.finish();
    await expect.poll(() => next.batches.map(({ ids }) => ids)).toEqual([['c']]);
  });

  test('a lane that stands still holds up no other', async () => {
    const slots = new Slots(1);
    const [stuck, other] = [newLane(slots), newLane(slots)];
    stuck.gather.add(newClaim('a'));
    await turn();
    other.gather.add(newClaim('b'));
    await expect.poll(() => other.batches.map(({ ids }) => ids)).toEqual([['b']]);
  });

  test('every claim goes exactly once, in the order of its lane, and none is left', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 60 }), fc.nat(2), async (arrivals, max) => {
        const slots = new Slots(max + 1);
        const lanes = Array.from({ length: 4 }, () => newLane(slots));
        const finished = new Set<object>();
        const finishAll = () => {
          for (const batch of lanes.flatMap(({ batches }) => batches)) {
            if (!finished.has(batch)) batch.finish();
            finished.add(batch);
          }
        };
        for (const [i, lane] of arrivals.entries()) {
          lanes[lane]?.gather.add(newClaim(`${i}`));
          if (i % 3 === 0) await turn();
          if (i % 7 === 0) finishAll();
        }
        const expected = lanes.map((_, lane) => arrivals.flatMap((at, i) => (at === lane ? [`${i}`] : [])));
        await expect
          .poll(() => {
            finishAll();
            return lanes.map(({ batches }) => batches.flatMap(({ ids }) => ids));
          })
          .toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });
});
