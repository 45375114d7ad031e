import { spawn } from 'node:child_process';
import { getEventListeners, once } from 'node:events';
import { join } from 'node:path';
import { type ClaimOptions, type Client, type Clock, createClient, systemClock } from '@flashclaim/client';
import { describe, expect, test } from 'vitest';
import {
  answer,
  answerEndlessly,
  neverAnswer,
  problem,
  type Reaction,
  type StubServer,
  startStubServer,
} from '../support/stub-server.ts';

let stub: StubServer;

const REQUEST = { userId: 'user', couponName: 'coupon' };
const CLAIM = {
  ...{ claim_id: 'the-claim', status: 'claimed', code: 'claimed', user_id: 'user', coupon_name: 'coupon' },
  sequence: 1,
  claimed_at: '2026-01-01T00:00:00.000Z',
};
const inAnHour = { 'retry-after': '3600' };
const pending = answer(202, { ...CLAIM, status: 'pending' }, { location: '/api/claims/the-claim', ...inAnHour });
const unavailable = problem(503, 'unavailable', inAnHour);

const newAbort = () => {
  const controller = new AbortController();
  const reason = new Error('the customer has left');
  const listeners = () => getEventListeners(controller.signal, 'abort').length;
  return { signal: controller.signal, reason, listeners, abort: () => controller.abort(reason) };
};

/** A client of a stub server with these reactions, and promises for the moments of a call. */
const start = async (...reactions: Reaction[]) => {
  const asked = Promise.withResolvers<void>();
  const answering = Promise.withResolvers<void>();
  const sleeping = Promise.withResolvers<void>();
  stub = await startStubServer(
    ...reactions.map(
      (react): Reaction =>
        (response) => {
          react(response);
          asked.resolve();
        },
    ),
  );
  const clock: Clock = {
    now: systemClock.now,
    sleep: (ms, signal) => {
      const slept = systemClock.sleep(ms, signal);
      sleeping.resolve();
      return slept;
    },
  };
  const client = createClient({
    baseUrl: stub.url,
    clock,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      answering.resolve();
      return response;
    },
  });
  return { client, moments: { asked: asked.promise, answering: answering.promise, sleeping: sleeping.promise } };
};

type Call = (client: Client, options: ClaimOptions) => Promise<unknown>;
const claim: Call = (client, options) => client.claim(REQUEST, options);
const release: Call = (client, options) => client.release('the-claim', options);

describe('an abort ends at once', () => {
  test.each<[string, Call, Reaction, 'asked' | 'answering' | 'sleeping']>([
    ['a claim in flight', claim, neverAnswer, 'asked'],
    ['a claim in the middle of its answer', claim, answerEndlessly, 'answering'],
    ['a claim that waits for its next attempt', claim, unavailable, 'sleeping'],
    ['a claim that is pending', claim, pending, 'sleeping'],
    ['a read of a coupon', (client, options) => client.coupon('coupon', options), neverAnswer, 'asked'],
    ['a read of a claim status', (client, options) => client.claimStatus('id', options), neverAnswer, 'asked'],
    ['a release in flight', release, neverAnswer, 'asked'],
    ['a release that the API did not finish', release, pending, 'sleeping'],
    ['a page of a list', (client, options) => client.coupons(options).pages().next(), unavailable, 'sleeping'],
    ['a change', (client, options) => client.updateCoupon('c', { paused: true }, options), neverAnswer, 'asked'],
    ['a health check', (client, options) => client.health(options), answerEndlessly, 'answering'],
    ['a creation', (client, options) => client.createCoupon({ name: 'c', amount: 1 }, options), neverAnswer, 'asked'],
  ])('%s', async (_, call, reaction, moment) => {
    const { client, moments } = await start(reaction);
    const { signal, reason, listeners, abort } = newAbort();
    const ended = expect(call(client, { signal, timeoutMs: 24 * 3_600_000 })).rejects.toBe(reason);
    await moments[moment];
    expect(listeners()).toBe(1);
    abort();
    await ended;
    expect(listeners()).toBe(0);
    expect(stub.received).toHaveLength(1);
  });

  test('a claim that has not begun', async () => {
    const { client } = await start(neverAnswer);
    const { signal, reason, abort } = newAbort();
    abort();
    await expect(client.claim(REQUEST, { signal })).rejects.toBe(reason);
    expect(stub.received).toHaveLength(0);
  });
});

describe('nothing is left', () => {
  const atOnce = problem(503, 'unavailable', { 'retry-after': '0' });
  test.each<[string, Reaction[], number]>([
    ['that was claimed', [answer(200, CLAIM)], 1],
    ['that was refused', [problem(400, 'out_of_stock')], 1],
    ['that was claimed after all', [atOnce, atOnce, answer(200, CLAIM)], 3],
    ['that failed', [problem(500, 'internal_error')], 1],
    ['that had no time', [unavailable], 1],
    ['that had no answer', [neverAnswer], 1],
  ])('on the signal by a claim %s', async (_, reactions, requests) => {
    const { client } = await start(...reactions);
    const { signal, listeners } = newAbort();
    await client.claim(REQUEST, { signal, timeoutMs: reactions[0] === neverAnswer ? 100 : 60_000 }).catch(() => {});
    expect(listeners()).toBe(0);
    expect(stub.received).toHaveLength(requests);
  });

  test('that keeps a process from ending by itself', async () => {
    stub = await startStubServer(
      answer(200, CLAIM),
      problem(503, 'overloaded', { 'retry-after': '0' }),
      answer(200, CLAIM),
      unavailable,
    );
    const script = join(import.meta.dirname, '../support/claim-and-exit.ts');
    const child = spawn(process.execPath, [script, stub.url], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text));
    const [code] = await once(child, 'close');
    expect(lines.join('')).toBe('claimed, claimed, the customer has left\n');
    expect(code).toBe(0);
  });
});
