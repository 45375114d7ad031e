import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { claim, countStatuses, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';

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

  test('the claim id is made of the user and the key, and the answer to a claim without a key contains nothing about keys', async () => {
    const keyed = await claim(url, name, 'user', under(key));
    expect(keyed.body.claim_id).toMatch(UUID_V8);
    const unkeyed = await claim(url, name, 'another');
    expect(unkeyed.body.claim_id).not.toMatch(UUID_V8);
    expect([isReplay(keyed), isReplay(unkeyed)]).toEqual([false, false]);
  });

  test('another coupon under the same key is refused, and takes nothing', async () => {
    const other = `other ${randomUUID()}`;
    await createCoupon(url, other, 3);
    expect((await claim(url, name, 'user', under(key))).status).toBe(200);
    for (const coupon of [other, 'no such coupon']) {
      const reply = await claim(url, coupon, 'user', under(key));
      expect(reply).toMatchObject({ status: 422, body: { status: 422, code: 'idempotency_key_reused' } });
      expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(reply.body.detail).toContain('Idempotency-Key');
      expect(isReplay(reply)).toBe(false);
    }
    expect((await readCoupon(url, name)).claimed_by).toEqual(['user']);
    expect((await readCoupon(url, other)).claimed_count).toBe(0);
  });

  test('the same key of two users is two keys: neither sees the claim of the other', async () => {
    const other = `other ${randomUUID()}`;
    await createCoupon(url, other, 3);
    const calls: [coupon: string, user: string][] = [
      [name, 'owner'],
      [name, 'guesser'],
      [other, 'second guesser'],
    ];
    for (const again of [false, true]) {
      const replies = await Promise.all(calls.map(([coupon, user]) => claim(url, coupon, user, under(key))));
      expect(replies.map(({ status, body }) => [status, body.coupon_name, body.user_id])).toEqual(
        calls.map((names) => [200, ...names]),
      );
      expect(replies.map(isReplay)).toEqual([again, again, again]);
      expect(new Set(replies.map(({ body }) => body.claim_id)).size).toBe(3);
    }
  });

  test('one user in two spellings is one user: the same claim under the same key', async () => {
    const replies = [await claim(url, name, 'zoe\u0308', under(key)), await claim(url, name, 'zo\u00eb', under(key))];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies.map(isReplay)).toEqual([false, true]);
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
    const other = `other ${randomUUID()}`;
    await createCoupon(url, other, 1);
    await claim(url, other, 'b', under(key));
    await claim(url, other, 'teaches the API');
    const [replay, reuse, holder, late, unkeyed] = await Promise.all([
      claim(url, name, 'user', under(key)),
      claim(url, other, 'user', under(key)),
      claim(url, name, 'a', under(key)),
      claim(url, name, 'late', under(key)),
      claim(url, name, 'user'),
    ]);
    expect(replay).toMatchObject({ status: 200, body });
    expect(isReplay(replay as Reply)).toBe(true);
    expect([reuse, holder, late, unkeyed].map((reply) => reply?.status)).toEqual([422, 409, 400, 409]);
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

  test.each([
    ['a string', 'k', '"k"'],
    ['a string with escapes', 'a"b\\c', '"a\\"b\\\\c"'],
    ['255 escaped characters', `~${'"'.repeat(254)}`, `"~${'\\"'.repeat(254)}"`],
  ])('a key and %s of RFC 8941 with the same characters are the same key', async (_, bare, quoted) => {
    const replies = [await claim(url, name, 'user', under(bare)), await claim(url, name, 'user', under(quoted))];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(replies.map(isReplay)).toEqual([false, true]);
  });

  test('in quotation marks, a key may contain blanks', async () => {
    const replies = [await claim(url, name, 'user', under('"a b"')), await claim(url, name, 'user', under('"a  b"'))];
    expect(replies.map(({ status }) => status)).toEqual([200, 409]);
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
    ['sent twice in quotes', ['"a"', '"b"']],
    ['an open quote', ['"']],
    ['a string without an end', ['"a']],
    ['an empty string', ['""']],
    ['a string with something after it', ['"a"b']],
    ['a string with a parameter', ['"a";b=1']],
    ['a string with a wrong escape', ['"a\\b"']],
    ['a string that ends in its escape', ['"a\\"']],
    ['a string that is not ASCII', ['"caf\u00e9"']],
    ['a string with a tab', ['"a\tb"']],
    ['a string of 256 characters', [`"${'x'.repeat(256)}"`]],
  ])('a key that is %s is refused, and nothing is claimed', async (_, values) => {
    expect(await sendKeys(values)).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_request',
        detail: expect.stringMatching(/^Idempotency-Key must be .*255/),
        errors: [{ header: 'idempotency-key' }],
      },
    });
    expect((await readCoupon(url, name)).claimed_count).toBe(0);
  });
});
