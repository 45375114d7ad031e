import { type ClaimError, type ClaimOptions, createClient, FlashclaimError } from '@flashclaim/client';
import { describe, expect, test } from 'vitest';
import {
  answer,
  closeDuringAnswer,
  closeUnanswered,
  neverAnswer,
  page,
  problem,
  type Reaction,
  type StubServer,
  startStubServer,
} from '../support/stub-server.ts';
import { TestClock } from '../support/test-clock.ts';

let stub: StubServer;
let clock: TestClock;

const REQUEST = { userId: 'user', couponName: 'coupon' };
const KEY = crypto.randomUUID();
const CLAIM = {
  ...{ claim_id: 'the-claim', user_id: 'user', coupon_name: 'coupon' },
  ...{ sequence: 7, claimed_at: '2026-01-01T00:00:00.000Z' },
};
const DOCUMENT = { message: 'coupon claimed successfully', status: 'claimed', code: 'claimed', ...CLAIM };
const claimed = answer(200, DOCUMENT);
const replayed = answer(200, DOCUMENT, { 'idempotency-replayed': 'true' });

/** Claims from a stub server with these reactions. */
const claimOf = async (reactions: Reaction[], options: ClaimOptions = {}) => {
  stub = await startStubServer(...reactions);
  clock = new TestClock();
  return createClient({ baseUrl: stub.url, clock }).claim(REQUEST, options);
};

/** The error of a claim from such a stub server. */
const faultOf = async (reactions: Reaction[], options: ClaimOptions = {}): Promise<ClaimError> => {
  const outcome = await claimOf(reactions, options).catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(FlashclaimError);
  return outcome as ClaimError;
};

const keys = () => new Set(stub.received.map(({ headers }) => headers['idempotency-key']));

describe('an outcome is a value', () => {
  test('claimed', async () => {
    expect(await claimOf([claimed])).toEqual({ outcome: 'claimed', claim: CLAIM, replayed: false });
    expect(stub.received).toMatchObject([
      { method: 'POST', url: '/api/coupons/claim', body: { user_id: 'user', coupon_name: 'coupon' } },
    ]);
  });

  test('claimed by an earlier request', async () => {
    expect(await claimOf([replayed])).toEqual({ outcome: 'claimed', claim: CLAIM, replayed: true });
  });

  test.each([
    [404, 'coupon_not_found'],
    [409, 'claim_released'],
    [409, 'already_claimed'],
    [400, 'out_of_stock'],
  ])('%i %s', async (status, outcome) => {
    expect(await claimOf([problem(status, outcome)])).toEqual({ outcome });
    expect(stub.received).toHaveLength(1);
  });

  test.each(['ended', 'paused', 'not_started'])('403 sale_not_open, because the sale is %s', async (reason) => {
    const closed = answer(403, { code: 'sale_not_open', reason }, { 'content-type': 'application/problem+json' });
    expect(await claimOf([closed])).toEqual({ outcome: 'sale_not_open', reason });
    expect(stub.received).toHaveLength(1);
  });
});

describe('a transient failure is retried', () => {
  test.each<[string, Reaction]>([
    ['a connection that is cut', closeUnanswered],
    ['half an answer', closeDuringAnswer],
    ['overloaded', problem(503, 'overloaded')],
    ['unavailable', problem(503, 'unavailable', {}, 'unknown')],
    ['rate_limited', problem(429, 'rate_limited')],
    ['request_timeout', problem(408, 'request_timeout')],
    ['a gateway without an API', page(502)],
    ['a gateway that waited too long', page(504)],
    ['a gateway that limits', page(429)],
  ])('%s', async (_, reaction) => {
    expect(await claimOf([reaction, reaction, replayed])).toMatchObject({ outcome: 'claimed', replayed: true });
    expect(stub.received).toHaveLength(3);
    expect(clock.sleeps).toHaveLength(2);
  });

  test('with one key for all attempts, and another for another claim', async () => {
    await claimOf([closeUnanswered, problem(503, 'unavailable'), claimed]);
    const [key] = keys();
    expect([...keys()]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    expect(new Set(stub.received.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    await stub.close();
    await claimOf([claimed]);
    expect(keys()).not.toContain(key);
  });

  test('with the key that the caller brings', async () => {
    await claimOf([closeUnanswered, claimed], { idempotencyKey: KEY });
    expect([...keys()]).toEqual([KEY]);
  });

  test('if nothing listens', async () => {
    const gone = await startStubServer();
    await gone.close();
    clock = new TestClock();
    const claim = createClient({ baseUrl: gone.url, clock }).claim(REQUEST, { attempts: 3 });
    await expect(claim).rejects.toMatchObject({ code: 'attempts_exhausted', claimed: 'unknown', attempts: 3 });
    await expect(claim).rejects.toThrow(/ECONNREFUSED/);
  });

  test('if one attempt hangs', async () => {
    stub = await startStubServer(neverAnswer, claimed);
    const client = createClient({ baseUrl: stub.url, attemptTimeoutMs: 50 });
    expect(await client.claim(REQUEST)).toMatchObject({ outcome: 'claimed' });
    expect(keys().size).toBe(1);
  });
});

describe('between attempts it waits', () => {
  test('as long as the answer says in seconds, and a little more', async () => {
    await claimOf([problem(503, 'overloaded', { 'retry-after': '2' }), claimed]);
    expect(clock.sleeps).toEqual([expect.toSatisfy((ms) => ms >= 2_000 && ms <= 2_100)]);
  });

  test("until the date that the answer says, by the answer's own clock", async () => {
    const headers = { date: 'Tue, 01 Jan 2030 00:00:00 GMT', 'retry-after': 'Tue, 01 Jan 2030 00:00:07 GMT' };
    await claimOf([problem(429, 'rate_limited', headers), claimed]);
    expect(clock.sleeps).toEqual([expect.toSatisfy((ms) => ms >= 7_000 && ms <= 7_100)]);
  });

  test('not for a date that has passed', async () => {
    const headers = { date: 'Tue, 01 Jan 2030 00:00:07 GMT', 'retry-after': 'Tue, 01 Jan 2030 00:00:00 GMT' };
    await claimOf([problem(429, 'rate_limited', headers), claimed]);
    expect(clock.sleeps).toEqual([expect.toSatisfy((ms) => ms >= 0 && ms <= 100)]);
  });

  test.each(['soon', '-1', '1e3', ''])('the default pause if the answer says "%s"', async (value) => {
    await claimOf([problem(503, 'unavailable', { 'retry-after': value }), claimed]);
    expect(clock.sleeps).toEqual([expect.toSatisfy((ms) => ms >= 100 && ms <= 200)]);
  });

  test('longer each time, up to a bound, and never twice the same', async () => {
    const error = await faultOf([closeUnanswered], { attempts: 9, timeoutMs: 60_000 });
    expect(error).toMatchObject({ code: 'attempts_exhausted', attempts: 9 });
    const most = [200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000];
    expect(clock.sleeps).toEqual(most.map((max) => expect.toSatisfy((ms) => ms >= max / 2 && ms <= max)));
    expect(new Set(clock.sleeps.map((ms, i) => ms / (most[i] ?? 1))).size).toBe(most.length);
  });
});

describe('it stops', () => {
  test('after the last attempt, and says what it knows', async () => {
    const error = await faultOf([closeUnanswered, problem(503, 'overloaded')], {
      attempts: 3,
      idempotencyKey: KEY,
    });
    expect(error).toMatchObject({ name: 'ClaimError', code: 'attempts_exhausted', status: 503, attempts: 3 });
    expect(error).toMatchObject({ requestId: 'the-request', claimed: 'unknown', idempotencyKey: KEY });
    expect(error.message).toMatch(/3 attempts.*The detail of overloaded\..*unknown/);
    expect(error.message).toContain(`"${KEY}"`);
    expect(error.cause).toMatchObject({ code: 'overloaded', status: 503 });
    expect(stub.received).toHaveLength(3);
  });

  test.each([
    [503, 'overloaded'],
    [503, 'unavailable'],
    [429, 'rate_limited'],
  ])('and knows that nothing was claimed after %i %s alone', async (status, code) => {
    const error = await faultOf([problem(status, code)], { attempts: 2 });
    expect(error).toMatchObject({ code: 'attempts_exhausted', claimed: 'no' });
    expect(error.message).toContain('Nothing was claimed.');
  });

  test('at once if the pause would be too long', async () => {
    const error = await faultOf([problem(503, 'overloaded', { 'retry-after': '3600' })], { timeoutMs: 3_600_000 });
    expect(error).toMatchObject({ code: 'timed_out', retryAfterMs: 3_600_000, claimed: 'no', attempts: 1 });
    expect(clock.sleeps).toEqual([]);
  });

  test('when its time is over, before its last attempt', async () => {
    const error = await faultOf([problem(503, 'unavailable', { 'retry-after': '2' }, 'unknown')], { timeoutMs: 5_000 });
    expect(error).toMatchObject({ code: 'timed_out', claimed: 'unknown', attempts: 3 });
    expect(stub.received).toHaveLength(3);
    expect(clock.sleeps).toHaveLength(2);
  });

  test('if no answer comes', async () => {
    stub = await startStubServer(neverAnswer);
    const claim = createClient({ baseUrl: stub.url }).claim(REQUEST, { timeoutMs: 50 });
    await expect(claim).rejects.toMatchObject({ code: 'timed_out', claimed: 'unknown', attempts: 1 });
  });
});

describe('a failure that a retry can not help ends it', () => {
  test.each([
    [400, 'invalid_request', 'no'],
    [401, 'unauthorized', 'no'],
    [404, 'not_found', 'no'],
    [413, 'payload_too_large', 'no'],
    [422, 'idempotency_key_reused', 'no'],
    [403, 'a_code_of_tomorrow', 'no'],
    [500, 'internal_error', 'unknown'],
  ])('%i %s', async (status, code, known) => {
    const error = await faultOf([problem(status, code)]);
    expect(error).toMatchObject({ code, status, requestId: 'the-request', claimed: known, attempts: 1 });
    expect(error.message).toContain(`The detail of ${code}.`);
    expect(stub.received).toHaveLength(1);
  });

  test.each<[string, Reaction, RegExp]>([
    ['a page', page(200), /200 with text\/html/],
    ['a page that is not there', page(404), /404 with text\/html/],
    ['another document', answer(200, { hello: 'world', code: 'unavailable' }), /baseUrl/],
    ['a claim without a user', answer(200, { claim_id: 'x', status: 'claimed' }), /lacks a part/],
    ['a claim without a number', answer(200, { ...DOCUMENT, sequence: undefined }), /lacks a part/],
    ['a refusal without its reason', problem(403, 'sale_not_open'), /lacks the reason/],
    ['a claim without a status', answer(200, CLAIM), /status that no claim has/],
    ['a list', answer(200, []), /baseUrl/],
    ['no JSON', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{'), /baseUrl/],
    ['a status that no claim has', answer(200, { claim_id: 'x', status: 'lost' }), /status that no claim has/],
    ['a redirect', page(301, { location: 'https://example.test/' }), /a redirect to https:\/\/example\.test/],
  ])('%s is not Flashclaim', async (_, reaction, message) => {
    const error = await faultOf([reaction]);
    expect(error).toMatchObject({ code: 'not_flashclaim', claimed: 'unknown' });
    expect(error.message).toMatch(message);
    expect(stub.received).toHaveLength(1);
  });

  test.each(['', 'a b', 'ключ', 'a\nb', '"a"', '"', 'x'.repeat(256)])(
    'the key %j can not be sent',
    async (idempotencyKey) => {
      const error = await faultOf([claimed], { idempotencyKey });
      expect(error).toMatchObject({ code: 'invalid_request', claimed: 'no', attempts: 0 });
      expect(stub.received).toHaveLength(0);
    },
  );

  test.each([{ attempts: 0 }, { attempts: Number.NaN }, { timeoutMs: 0 }, { timeoutMs: -1 }])('%j', async (options) => {
    const claim = claimOf([claimed], options);
    await expect(claim).rejects.toThrow(RangeError);
    await expect(claim).rejects.toThrow(Object.keys(options)[0] as string);
    expect(stub.received).toHaveLength(0);
  });
});
