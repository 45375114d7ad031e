import { type ClaimOptions, createClient } from '@flashclaim/client';
import { expect, test } from 'vitest';
import {
  answer,
  closeUnanswered,
  problem,
  type Reaction,
  type StubServer,
  startStubServer,
} from '../support/stub-server.ts';
import { TestClock } from '../support/test-clock.ts';

let stub: StubServer;
let clock: TestClock;

const REQUEST = { userId: 'user', couponName: 'café' };
const KEY = crypto.randomUUID();
const STATUS = { claim_id: 'the-claim', user_id: 'user', coupon_name: 'cafe\u0301' };
const PENDING = { ...STATUS, status: 'pending', code: 'pending' };
const CLAIMED = {
  ...STATUS,
  message: 'coupon claimed successfully',
  status: 'claimed',
  code: 'claimed',
  sequence: 7,
  claimed_at: '2026-01-01T00:00:00.000Z',
};

const accepted = answer(202, PENDING, { location: '/api/claims/the-claim', 'retry-after': '3' });
const pending = answer(200, PENDING);
const claimed = answer(200, CLAIMED);
const refused = (code: string, coupon = STATUS.coupon_name) =>
  answer(200, { ...STATUS, coupon_name: coupon, status: 'refused', code });

const claimOf = async (reactions: Reaction[], { path = '', ...options }: ClaimOptions & { path?: string } = {}) => {
  stub = await startStubServer(...reactions);
  clock = new TestClock();
  return createClient({ baseUrl: stub.url + path, clock }).claim(REQUEST, options);
};

const calls = () => stub.received.map(({ method, url }) => `${method} ${url}`);
const SUBMIT = 'POST /api/coupons/claim';
const POLL = 'GET /api/claims/the-claim';

test('is polled at its Location until it is decided', async () => {
  const { claim_id, user_id, coupon_name, sequence, claimed_at } = CLAIMED;
  expect(await claimOf([accepted, pending, pending, claimed])).toEqual({
    outcome: 'claimed',
    claim: { claim_id, user_id, coupon_name, sequence, claimed_at },
    replayed: false,
  });
  expect(calls()).toEqual([SUBMIT, POLL, POLL, POLL]);
});

test('is polled after the pause that each answer names, or a second', async () => {
  await claimOf([accepted, answer(200, PENDING, { 'retry-after': '5' }), pending, claimed]);
  const between = (from: number) => expect.toSatisfy((ms) => ms >= from && ms <= from + 200);
  expect(clock.sleeps).toEqual([between(3_000), between(5_000), between(1_000)]);
});

test.each(['coupon_not_found', 'claim_released', 'already_claimed', 'out_of_stock'])('may end in %s', async (code) => {
  expect(await claimOf([accepted, refused(code)])).toEqual({ outcome: code });
});

test('may end in a sale that is not open, with the reason', async () => {
  const closed = { ...STATUS, status: 'refused', code: 'sale_not_open', reason: 'paused' };
  expect(await claimOf([accepted, answer(200, closed)])).toEqual({ outcome: 'sale_not_open', reason: 'paused' });
});

test('may be released before its status is read', async () => {
  const released = { ...CLAIMED, status: 'released', code: 'released', ended_at: '2026-01-01T00:00:01.000Z' };
  expect(await claimOf([accepted, answer(200, released)])).toEqual({ outcome: 'claim_released' });
});

test('may end in a refusal that is a fault', async () => {
  const claim = claimOf([accepted, refused('idempotency_key_reused')]);
  await expect(claim).rejects.toMatchObject({ code: 'idempotency_key_reused', claimed: 'no' });
});

test.each(['claimed', 'released'])(
  'is not confused with a %s claim on another coupon under the key',
  async (status) => {
    const claim = claimOf([accepted, answer(200, { ...CLAIMED, status, coupon_name: 'another' })]);
    await expect(claim).rejects.toMatchObject({ code: 'idempotency_key_reused', claimed: 'no' });
  },
);

test('is polled again if a status request fails', async () => {
  const reactions = [accepted, closeUnanswered, problem(503, 'unavailable', { 'retry-after': '2' }), claimed];
  expect(await claimOf(reactions)).toMatchObject({ outcome: 'claimed' });
  expect(calls()).toEqual([SUBMIT, POLL, POLL, POLL]);
  expect(clock.sleeps[2]).toBeGreaterThanOrEqual(2_000);
});

test.each<[string, Reaction]>([
  ['knows nothing of it', problem(404, 'not_found')],
  ['says that it was not decided in time', refused('timed_out')],
  ['knows another one under its key', refused('out_of_stock', 'another')],
])('is submitted again, with its key, where the API %s', async (_, lost) => {
  expect(await claimOf([accepted, lost, accepted, claimed])).toMatchObject({ outcome: 'claimed' });
  expect(calls()).toEqual([SUBMIT, POLL, SUBMIT, POLL]);
  expect(stub.received[2]?.headers['idempotency-key']).toBe(stub.received[0]?.headers['idempotency-key']);
});

test('that is lost again and again counts as failed attempts', async () => {
  const lost = problem(404, 'not_found');
  const claim = claimOf([accepted, lost, accepted, lost], { attempts: 2 });
  await expect(claim).rejects.toMatchObject({ code: 'attempts_exhausted', claimed: 'unknown' });
});

test('is no failed attempt, even if it takes long', async () => {
  const reactions = [accepted, ...Array<Reaction>(30).fill(pending), claimed];
  expect(await claimOf(reactions, { attempts: 1, timeoutMs: 60_000 })).toMatchObject({ outcome: 'claimed' });
});

test('has an id but no outcome when its time is over', async () => {
  const claim = claimOf([accepted, pending], { timeoutMs: 10_000, idempotencyKey: KEY });
  await expect(claim).rejects.toMatchObject({
    code: 'timed_out',
    claimed: 'unknown',
    claimId: 'the-claim',
    idempotencyKey: KEY,
  });
  expect(clock.now()).toBeLessThan(10_000);
});

test('is polled below the base URL if Location is not visible', async () => {
  await claimOf([answer(202, PENDING), claimed], { path: '/shop/' });
  expect(calls()).toEqual(['POST /shop/api/coupons/claim', 'GET /shop/api/claims/the-claim']);
});

test.each(['https://example.test/api/claims/the-claim', 'http://['])('is not polled at %s', async (location) => {
  await expect(claimOf([answer(202, PENDING, { location })])).rejects.toMatchObject({ code: 'not_flashclaim' });
  expect(stub.received).toHaveLength(1);
});
