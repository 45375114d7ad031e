import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { WaitingClaim } from '@flashclaim/api';
import { encodeDecisions } from '@flashclaim/core';
import { expect, onTestFinished, test } from 'vitest';
import { openDispatcher } from '../support/open-dispatcher.ts';

/** Two connections, so two orders: a worker may have answered a job before its add has returned. */
test('the answer to a job arrives before its add returns: each caller is answered once, with the job that decided', async () => {
  const { queue, dispatcher } = await openDispatcher();
  const told: unknown[] = [];
  const listen = (message: unknown) => {
    const { claim, ...reply } = message as { claim: WaitingClaim; answer: string };
    told.push([claim.id, reply.answer, claim.place?.jobId]);
  };
  subscribe('flashclaim:reply', listen);
  onTestFinished(() => void unsubscribe('flashclaim:reply', listen));

  const add = queue.add.bind(queue);
  let answered = '';
  queue.add = async (...job) => {
    const added = await add(...job);
    answered = added.id as string;
    dispatcher.answer(answered, { decisions: encodeDecisions(['claimed', 'claimed']), grants: { 0: [7, 1] } });
    await new Promise((resolve) => setImmediate(resolve));
    return added;
  };
  const late: string[] = [];
  const events = {
    timedOut: () => {},
    settled: ({ id, answeredPending }: WaitingClaim) => void (answeredPending && late.push(id)),
  };
  const newClaim = (id: string, waitMs: number) =>
    new WaitingClaim({ id, userId: id, couponName: 'coupon' }, waitMs, events);
  const [waits, doesNot] = [newClaim('waits', 60_000), newClaim('does not', 0)];
  await dispatcher.dispatch(0, [waits, doesNot]);

  expect(await waits.answer).toEqual({ decision: 'claimed', sequence: 7, claimedAt: 1 });
  expect(await doesNot.answer).toBe('pending');
  expect(told).toEqual([
    ['does not', 'pending', answered],
    ['waits', 'claimed', answered],
  ]);
  expect(late).toEqual(['does not']);
});
