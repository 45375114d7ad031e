import { createClient, type RetryOptions } from '@flashclaim/client';
import { describe, expect, test } from 'vitest';
import {
  answer,
  closeUnanswered,
  page,
  problem,
  type Reaction,
  type StubServer,
  startStubServer,
} from '../support/stub-server.ts';
import { TestClock } from '../support/test-clock.ts';

let stub: StubServer;
let clock: TestClock;

const CLAIM = {
  ...{ claim_id: 'a/b', user_id: 'user', coupon_name: 'coupon', sequence: 7 },
  ...{ claimed_at: '2026-01-01T00:00:00.000Z', ended_at: '2026-01-01T00:01:00.000Z' },
};
const released = answer(200, { ...CLAIM, status: 'released', code: 'released' });
const unfinished = answer(202, { ...CLAIM, status: 'claimed', code: 'claimed' }, { 'retry-after': '3' });

const releaseOf = async (reactions: Reaction[], options: RetryOptions = {}) => {
  stub = await startStubServer(...reactions);
  clock = new TestClock();
  return createClient({ baseUrl: stub.url, clock }).release('a/b', options);
};

const calls = () => stub.received.map(({ method, url, body }) => [method, url, body]);
const DELETE = ['DELETE', '/api/claims/a%2Fb', undefined];

test('a release returns the released claim', async () => {
  expect(await releaseOf([released])).toEqual({ outcome: 'released', claim: CLAIM });
  expect(calls()).toEqual([DELETE]);
});

test.each([
  [404, 'not_found'],
  [409, 'claim_pending'],
])('%i %s is an outcome', async (status, outcome) => {
  expect(await releaseOf([problem(status, outcome)])).toEqual({ outcome });
  expect(calls()).toEqual([DELETE]);
});

test('a release that the API did not finish is repeated after the pause of the answer, until it is done', async () => {
  expect(await releaseOf([unfinished, unfinished, released])).toMatchObject({ outcome: 'released' });
  expect(calls()).toEqual([DELETE, DELETE, DELETE]);
  const pause = expect.toSatisfy((ms) => ms >= 3_000 && ms <= 3_200);
  expect(clock.sleeps).toEqual([pause, pause]);
});

test('a release that takes longer than its time ends with an error, not with a failed attempt', async () => {
  const release = releaseOf([unfinished], { timeoutMs: 10_000, attempts: 1 });
  await expect(release).rejects.toMatchObject({ name: 'FlashclaimError', code: 'timed_out' });
  await expect(release).rejects.toThrow('The release of claim a/b was still pending');
  expect(stub.received).toHaveLength(4);
});

describe('a transient failure is retried', () => {
  test.each<[string, Reaction]>([
    ['a lost answer', closeUnanswered],
    ['overloaded', problem(503, 'overloaded')],
    ['rate_limited', problem(429, 'rate_limited')],
    ['a gateway without an API', page(502)],
  ])('%s', async (_, reaction) => {
    expect(await releaseOf([reaction, unfinished, reaction, released])).toMatchObject({ outcome: 'released' });
    expect(calls()).toEqual([DELETE, DELETE, DELETE, DELETE]);
  });

  test('as often as the caller allows', async () => {
    const release = releaseOf([problem(503, 'unavailable')], { attempts: 3 });
    await expect(release).rejects.toMatchObject({ name: 'FlashclaimError', code: 'attempts_exhausted', status: 503 });
    await expect(release).rejects.toThrow(/^The release of claim a\/b has no outcome after 3 attempts; the last one/);
    expect(stub.received).toHaveLength(3);
  });
});

test.each<[string, Reaction]>([
  ['unauthorized', problem(401, 'unauthorized')],
  ['internal_error', problem(500, 'internal_error')],
  ['not_flashclaim', page(200)],
  ['not_flashclaim', answer(200, { ...CLAIM, status: 'claimed' })],
  ['not_flashclaim', answer(200, { claim_id: 'a/b', status: 'released', ended_at: CLAIM.ended_at })],
])('%s ends it at once', async (code, reaction) => {
  await expect(releaseOf([reaction])).rejects.toMatchObject({ name: 'FlashclaimError', code });
  expect(stub.received).toHaveLength(1);
});

test.each([{ attempts: 0 }, { timeoutMs: 0 }])('%j is refused', async (options) => {
  await expect(releaseOf([released], options)).rejects.toThrow(RangeError);
  expect(stub.received).toHaveLength(0);
});
