import { type ClaimOptions, createClient } from '@flashclaim/client';
import { afterEach, expect, test } from 'vitest';
import { answer, hangUp, type Peer, problem, type Reaction, startPeer } from '../support/peer.ts';
import { TestClock } from '../support/test-clock.ts';

let peer: Peer;
let clock: TestClock;
afterEach(() => peer?.close());

const REQUEST = { userId: 'user', couponName: 'café' };
const STATUS = { claim_id: 'the-claim', user_id: 'user', coupon_name: 'cafe\u0301' };
const PENDING = { ...STATUS, status: 'pending', code: 'pending' };
const CLAIMED = { ...STATUS, status: 'claimed', code: 'claimed', claimed_at: '2026-01-01T00:00:00.000Z' };

const accepted = answer(202, PENDING, { location: '/api/claims/the-claim', 'retry-after': '3' });
const pending = answer(200, PENDING);
const claimed = answer(200, CLAIMED);
const refused = (code: string, userId = 'user') => answer(200, { ...STATUS, user_id: userId, status: 'refused', code });

const claimOf = async (reactions: Reaction[], { path = '', ...options }: ClaimOptions & { path?: string } = {}) => {
  peer = await startPeer(...reactions);
  clock = new TestClock();
  return createClient({ baseUrl: peer.url + path, clock }).claim(REQUEST, options);
};

const calls = () => peer.received.map(({ method, url }) => `${method} ${url}`);
const SUBMIT = 'POST /api/coupons/claim';
const LOOK = 'GET /api/claims/the-claim';

test('is asked for at its Location until it is decided', async () => {
  const { claim_id, user_id, coupon_name, claimed_at } = CLAIMED;
  expect(await claimOf([accepted, pending, pending, claimed])).toEqual({
    outcome: 'claimed',
    claim: { claim_id, user_id, coupon_name, claimed_at },
    replayed: false,
  });
  expect(calls()).toEqual([SUBMIT, LOOK, LOOK, LOOK]);
});

test('is left alone for as long as each answer says, or a second', async () => {
  await claimOf([accepted, answer(200, PENDING, { 'retry-after': '5' }), pending, claimed]);
  const withTimeout = (from: number) => expect.toSatisfy((ms) => ms >= from && ms <= from + 200);
  expect(clock.sleeps).toEqual([withTimeout(3_000), withTimeout(5_000), withTimeout(1_000)]);
});

test.each(['coupon_not_found', 'already_claimed', 'out_of_stock'])('may end in %s', async (code) => {
  expect(await claimOf([accepted, refused(code)])).toEqual({ outcome: code });
});

test('may end in a refusal that is a fault', async () => {
  const claim = claimOf([accepted, refused('idempotency_key_reused')]);
  await expect(claim).rejects.toMatchObject({ code: 'idempotency_key_reused', claimed: 'no' });
});

test("is not taken for somebody else's, who used the key before", async () => {
  const claim = claimOf([accepted, answer(200, { ...CLAIMED, user_id: 'another' })]);
  await expect(claim).rejects.toMatchObject({ code: 'idempotency_key_reused', claimed: 'no' });
});

test('is asked for again where the question fails', async () => {
  const reactions = [accepted, hangUp, problem(503, 'unavailable', { 'retry-after': '2' }), claimed];
  expect(await claimOf(reactions)).toMatchObject({ outcome: 'claimed' });
  expect(calls()).toEqual([SUBMIT, LOOK, LOOK, LOOK]);
  expect(clock.sleeps[2]).toBeGreaterThanOrEqual(2_000);
});

test.each<[string, Reaction]>([
  ['knows nothing of it', problem(404, 'not_found')],
  ['says that it was not decided in time', refused('timed_out')],
  ['knows another one under its key', refused('out_of_stock', 'another')],
])('is submitted again, with its key, where the API %s', async (_, lost) => {
  expect(await claimOf([accepted, lost, accepted, claimed])).toMatchObject({ outcome: 'claimed' });
  expect(calls()).toEqual([SUBMIT, LOOK, SUBMIT, LOOK]);
  expect(peer.received[2]?.headers['idempotency-key']).toBe(peer.received[0]?.headers['idempotency-key']);
});

test('that is lost again and again counts as failed attempts', async () => {
  const lost = problem(404, 'not_found');
  const claim = claimOf([accepted, lost, accepted, lost], { attempts: 2 });
  await expect(claim).rejects.toMatchObject({ code: 'attempts_exhausted', claimed: 'unknown' });
});

test('is no failed attempt, however long it takes', async () => {
  const reactions = [accepted, ...Array<Reaction>(30).fill(pending), claimed];
  expect(await claimOf(reactions, { attempts: 1, timeoutMs: 60_000 })).toMatchObject({ outcome: 'claimed' });
});

test('has no outcome when its time is over, but an id to ask for', async () => {
  const claim = claimOf([accepted, pending], { timeoutMs: 10_000, idempotencyKey: 'order-1' });
  await expect(claim).rejects.toMatchObject({
    code: 'timed_out',
    claimed: 'unknown',
    claimId: 'the-claim',
    idempotencyKey: 'order-1',
  });
  expect(clock.now()).toBeLessThan(10_000);
});

test('is found below the base URL where no Location can be seen', async () => {
  await claimOf([answer(202, PENDING), claimed], { path: '/shop/' });
  expect(calls()).toEqual(['POST /shop/api/coupons/claim', 'GET /shop/api/claims/the-claim']);
});

test.each(['https://example.test/api/claims/the-claim', 'http://['])('is not asked for at %s', async (location) => {
  await expect(claimOf([answer(202, PENDING, { location })])).rejects.toMatchObject({ code: 'not_flashclaim' });
  expect(peer.received).toHaveLength(1);
});
