import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { ClaimJob } from '@flashclaim/core';
import { openQueue } from '@flashclaim/lanes';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { claim, countStatuses, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const UUID_V8 = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const isReplay = (reply: Reply): boolean => {
  const header = reply.headers.get('idempotency-replayed');
  expect([null, 'true']).toContain(header);
  return header === 'true';
};

const under = (key: string) => ({ 'idempotency-key': key });

describe('with two API processes and two workers', () => {
  let system: System;
  let url: string;
  let name: string;
  let key: string;
  beforeAll(async () => {
    system = await startSystem({ apis: 2, workers: 2 });
    url = system.urls[0] as string;
  });
  afterAll(async () => {
    await expectExact(system.stores.mongo);
    await system.close();
  });
  beforeEach(async () => {
    name = `coupon ${randomUUID()}`;
    key = randomUUID();
    await createCoupon(url, name, 3);
  });

  test('ten requests at once make one claim, and one of them made it', async () => {
    for (let round = 0; round < 10; round++) {
      const user = `user-${round}`;
      const roundKey = `${key}-${round}`;
      const replies = await Promise.all(
        Array.from({ length: 10 }, (_, i) => claim(system.urls[i % 2] as string, name, user, under(roundKey))),
      );
      // Three units; every later round is refused, whoever asks.
      expect(countStatuses(replies)).toEqual(round < 3 ? { 200: 10 } : { 400: 10 });
      expect(replies.filter((reply) => !isReplay(reply))).toHaveLength(round < 3 ? 1 : 10);
      if (round < 3) expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1);
    }
    expect((await readCoupon(url, name)).claimed_count).toBe(3);
  });

  test('the claim id is made of the key alone, and the answer to a claim without a key contains nothing about keys', async () => {
    const keyed = await claim(url, name, 'user', under(key));
    expect(keyed.body.claim_id).toMatch(UUID_V8);
    const unkeyed = await claim(url, name, 'another');
    expect(unkeyed.body.claim_id).not.toMatch(UUID_V8);
    expect([isReplay(keyed), isReplay(unkeyed)]).toEqual([false, false]);
  });

  test('another user or another coupon under the same key is refused, and takes nothing', async () => {
    const other = `other ${randomUUID()}`;
    await createCoupon(url, other, 3);
    expect((await claim(url, name, 'user', under(key))).status).toBe(200);
    for (const [coupon, user] of [
      [name, 'another'],
      [other, 'user'],
      ['no such coupon', 'user'],
    ] as const) {
      const reply = await claim(url, coupon, user, under(key));
      expect(reply).toMatchObject({ status: 422, body: { status: 422, code: 'idempotency_key_reused' } });
      expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(reply.body.detail).toContain('Idempotency-Key');
      expect(isReplay(reply)).toBe(false);
    }
    expect((await readCoupon(url, name)).claimed_by).toEqual(['user']);
    expect((await readCoupon(url, other)).claimed_count).toBe(0);
  });

  test('one key for coupons of many lanes at once makes one claim', async () => {
    const names = Array.from({ length: 16 }, () => `spread ${randomUUID()}`);
    await Promise.all(names.map((one) => createCoupon(url, one, 3)));
    const replies = await Promise.all(names.map((one, i) => claim(system.urls[i % 2] as string, one, 'u', under(key))));
    expect(countStatuses(replies)).toEqual({ 200: 1, 422: 15 });
    expect(await system.stores.mongo.claims.countDocuments({ coupon_name: { $in: names } })).toBe(1);
  });

  test('the same user under another key holds a unit already', async () => {
    expect((await claim(url, name, 'user', under(key))).status).toBe(200);
    expect((await claim(url, name, 'user', under(`${key}-2`))).status).toBe(409);
    expect((await claim(url, name, 'user')).status).toBe(409);
    expect((await claim(url, name, 'user', under(key))).status).toBe(200);
  });

  test('on a sold-out coupon a replay is a replay, a reuse a reuse, and anybody else is refused', async () => {
    const { body } = await claim(url, name, 'user', under(key));
    await Promise.all(['a', 'b', 'teaches the API'].map((user) => claim(url, name, user)));
    const [replay, reuse, late, unkeyed] = await Promise.all([
      claim(url, name, 'user', under(key)),
      claim(url, name, 'a', under(key)),
      claim(url, name, 'late', under(`${key}-2`)),
      claim(url, name, 'user'),
    ]);
    expect(replay).toMatchObject({ status: 200, body });
    expect(isReplay(replay as Reply)).toBe(true);
    expect([reuse, late, unkeyed].map((reply) => reply?.status)).toEqual([422, 400, 409]);
  });

  test('a refusal is not kept: a retry is decided again', async () => {
    await Promise.all(['a', 'b', 'c'].map((user) => claim(url, name, user)));
    expect((await claim(url, name, 'user', under(key))).body.code).toBe('out_of_stock');
    await system.stores.mongo.coupons.updateOne({ name }, { $inc: { amount: 1, remaining_amount: 1 } });
    const retry = await claim(url, name, 'user', under(key));
    expect([retry.status, isReplay(retry)]).toEqual([200, false]);
  });

  test('nothing that callers send distinguishes their requests', async () => {
    const headers = {
      ...under(key),
      'x-request-id': 'mine',
      'request-id': 'mine',
      traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    };
    const replies = await Promise.all([1, 2].map(() => claim(url, name, 'user', headers)));
    expect(replies.map(isReplay).sort()).toEqual([false, true]);
  });

  test.each([
    ['one character', '!'],
    ['255 characters', '~'.repeat(255)],
    ['every visible character', String.fromCharCode(...Array.from({ length: 94 }, (_, i) => 0x21 + i))],
  ])('a key of %s is a key', async (_, text) => {
    const replies = [await claim(url, name, 'user', under(text)), await claim(url, name, 'user', under(text))];
    expect(replies.map((reply) => reply.status)).toEqual([200, 200]);
    expect(replies.map(isReplay)).toEqual([false, true]);
  });

  /** Sends the header as often as there are values, each as it is. */
  const sendKeys = (values: readonly string[]): Promise<{ status: number | undefined; body: unknown }> =>
    new Promise((resolve, reject) => {
      const headers = ['content-type', 'application/json', 'host', new URL(url).host];
      for (const value of values) headers.push('idempotency-key', value);
      const call = request(`${url}/api/coupons/claim`, { method: 'POST', headers, agent: false }, (response) => {
        json(response).then((body) => resolve({ status: response.statusCode, body }), reject);
      });
      call.on('error', reject);
      call.end(JSON.stringify({ coupon_name: name, user_id: 'user' }));
    });

  test.each([
    ['empty', ['']],
    ['256 characters', ['x'.repeat(256)]],
    ['a blank inside', ['a b']],
    ['a tab inside', ['a\tb']],
    ['not ASCII', ['caf\u00e9']],
    ['sent twice', ['a', 'b']],
    ['sent twice alike', ['a', 'a']],
    ['sent twice, once empty', ['a', '']],
  ])('a key that is %s is refused, and nothing is claimed', async (_, values) => {
    expect(await sendKeys(values)).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringMatching(/^Idempotency-Key must be .*255/) },
    });
    expect((await readCoupon(url, name)).claimed_count).toBe(0);
  });
});

describe('after kill -9', () => {
  let system: System;
  afterEach(() => system?.close());

  const hasKeys = async (pattern: string): Promise<boolean> => (await system.stores.redis.keys(pattern)).length > 0;

  test('of the API that took it, the claim is found again through another', async () => {
    system = await startSystem({ apis: 2, workers: 0, env: { CLAIM_WAIT_MS: '20000' } });
    const [url, other] = system.urls as [string, string];
    await createCoupon(other, 'killed', 5);
    const key = randomUUID();
    const lost = claim(url, 'killed', 'user', under(key)).catch((error: Error) => error);
    await until(() => hasKeys('*lane*wait'));
    system.apis[0]?.kill('SIGKILL');
    expect(await lost).toBeInstanceOf(Error);

    const retries = [1, 2, 3].map(() => claim(other, 'killed', 'user', under(key)));
    await system.addWorker();
    const replies = await Promise.all(retries);
    expect(countStatuses(replies)).toEqual({ 200: 3 });
    // The request that made it was first in the lane, and never answered.
    expect(new Set(replies.map((reply) => JSON.stringify(reply.body))).size).toBe(1);
    expect(replies.every(isReplay)).toBe(true);
    expect((await readCoupon(other, 'killed')).claimed_by).toEqual(['user']);
    await expectExact(system.stores.mongo);
  });

  test('of the worker that had committed it, it is first to its own request, and a replay to the next', async () => {
    system = await startSystem({ workers: 1, env: { CLAIM_WAIT_MS: '20000', CLAIM_LANES: '1' } });
    const url = system.urls[0] as string;
    const [worker] = system.workers as [ProcessHandle];
    const { redis, mongo } = system.stores;
    const claimAs = (i: number) => claim(url, 'killed', `user-${i}`, under(`key-${i}`));
    const queue = openQueue(0, redis);
    const active = () => redis.lrange(queue.toKey('active'), 0, -1);
    await createCoupon(url, 'killed', 1_000_000);
    const replies: Promise<Reply>[] = [];
    let inHand: string[] = [];
    await until(async () => {
      // Claims keep coming, so that sooner or later a look finds a job in its hands.
      for (let i = 0; i < 50; i++) replies.push(claimAs(replies.length));
      if ((await active()).length === 0) return false;
      worker.kill('SIGSTOP');
      // Let go on, it can commit but tell nobody.
      await redis.client('PAUSE', 60_000, 'WRITE');
      const [job] = await active();
      const data = job === undefined ? null : await redis.hget(queue.toKey(job), 'data');
      inHand = data === null ? [] : (JSON.parse(data) as ClaimJob).claims.map(([id]) => id);
      if (inHand.length === 0) await redis.client('UNPAUSE');
      worker.kill('SIGCONT');
      return inHand.length > 0;
    });
    await until(async () => (await mongo.claims.countDocuments({ _id: { $in: inHand } })) === inHand.length);
    worker.kill('SIGKILL');
    await worker.exited;
    await redis.client('UNPAUSE');
    await system.addWorker();

    const first = await Promise.all(replies);
    expect(countStatuses(first)).toEqual({ 200: replies.length });
    expect(first.filter(isReplay)).toEqual([]);
    const again = await claimAs(0);
    expect([again.status, isReplay(again), again.body]).toEqual([200, true, first[0]?.body]);
    expect((await readCoupon(url, 'killed')).claimed_count).toBe(replies.length);
    await queue.close();
    await expectExact(mongo);
  });
});
