import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { WaitingClaim } from '@flashclaim/api';
import { encodeDecisions } from '@flashclaim/core';
import { expect, onTestFinished, test } from 'vitest';
import { openLaneJobs } from '../support/open-lane-jobs.ts';

/** Two connections, so two orders: a worker may have answered a job before its add has returned. */
test('the answer to a job is faster than its add: each caller is told once, of the job that decided', async () => {
  const { queue, jobs } = await openLaneJobs();
  const told: unknown[] = [];
  const listen = (message: unknown) => {
    const { claim, ...reply } = message as { claim: WaitingClaim; told: string };
    told.push([claim.id, reply.told, claim.place?.jobId]);
  };
  subscribe('flashclaim:reply', listen);
  onTestFinished(() => void unsubscribe('flashclaim:reply', listen));

  const add = queue.add.bind(queue);
  let answered = '';
  queue.add = async (...job) => {
    const added = await add(...job);
    answered = added.id as string;
    jobs.answer(answered, { decisions: encodeDecisions(['claimed', 'claimed']), at: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    return added;
  };
  const late: string[] = [];
  const listener = {
    hasten: () => {},
    settled: ({ id, toldPending }: WaitingClaim) => void (toldPending && late.push(id)),
  };
  const newClaim = (id: string, waitMs: number) =>
    new WaitingClaim({ id, userId: id, couponName: 'coupon' }, waitMs, listener);
  const [waits, doesNot] = [newClaim('waits', 60_000), newClaim('does not', 0)];
  await jobs.send(0, [waits, doesNot]);

  expect(await waits.answer).toEqual({ decision: 'claimed', claimedAt: 1 });
  expect(await doesNot.answer).toBe('pending');
  expect(told).toEqual([
    ['does not', 'pending', answered],
    ['waits', 'claimed', answered],
  ]);
  expect(late).toEqual(['does not']);
});
