import { randomUUID } from 'node:crypto';
import { BODY_MAX_BYTES } from '@flashclaim/core';
import { COLLECTIONS } from '@flashclaim/store';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { type System, startSystem } from '../support/system.ts';

let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ workers: 0 });
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

const expectProblem = (reply: Reply, status: number, code: string, detail: string | RegExp) => {
  expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(reply).toMatchObject({ status, body: { status, code, title: expect.any(String), type: expect.any(String) } });
  expect(reply.body.detail).toMatch(detail);
  expect(reply.body.error).toEqual(expect.any(String));
  expect(reply.body.request_id).toBe(reply.headers.get('x-request-id'));
};

/** There is no worker here: a claim that was queued would stay in its lane. */
const queued = async (): Promise<number> => (await system.stores.redis.keys('*:wait')).length;

const notNames: [string, unknown][] = [
  ['a number', 5],
  ['null', null],
  ['a list', []],
  ['an operator', { $gt: '' }],
  ['true', true],
  ['empty', ''],
  ['blanks', '   '],
  ['300 characters', 'x'.repeat(300)],
  ['NUL', 'a\0b'],
  ['half an emoji', '\ud83c'],
];

const notAmounts: [string, unknown][] = [
  ['0', 0],
  ['-1', -1],
  ['1.5', 1.5],
  ['3e9', 3e9],
  ['a string', '5'],
  ['null', null],
];

const CLAIM = '/api/coupons/claim';
const COUPONS = '/api/coupons';

describe('nothing is queued or stored by', () => {
  afterAll(async () => {
    expect(await queued()).toBe(0);
    expect(await system.stores.mongo.coupons.countDocuments({ name: { $ne: 'real' } })).toBe(0);
    expect(await system.stores.mongo.db.collection(COLLECTIONS.claims).countDocuments()).toBe(0);
  });

  test.each(notNames)('a claim whose user_id is %s', async (_, user_id) => {
    expectProblem(
      await call(url + CLAIM, 'POST', { user_id, coupon_name: 'c' }),
      400,
      'invalid_request',
      /^user_id must/,
    );
  });

  test.each(notNames)('a claim whose coupon_name is %s', async (_, coupon_name) => {
    expectProblem(
      await call(url + CLAIM, 'POST', { user_id: 'u', coupon_name }),
      400,
      'invalid_request',
      /^coupon_name must/,
    );
  });

  test.each(notNames)('a coupon whose name is %s', async (_, name) => {
    expectProblem(await call(url + COUPONS, 'POST', { name, amount: 1 }), 400, 'invalid_request', /^name must/);
  });

  test.each(notAmounts)('a coupon whose amount is %s', async (_, amount) => {
    expectProblem(await call(url + COUPONS, 'POST', { name: 'c', amount }), 400, 'invalid_request', /^amount must/);
  });

  test.each([
    ['user_id', CLAIM, { coupon_name: 'c' }],
    ['coupon_name', CLAIM, { user_id: 'u' }],
    ['name', COUPONS, { amount: 1 }],
    ['amount', COUPONS, { name: 'c' }],
  ])('a body without %s', async (field, path, body) => {
    expectProblem(await call(url + path, 'POST', body), 400, 'invalid_request', `${field} is missing`);
  });

  test.each([
    [CLAIM, { user_id: 'u', coupon_name: 'c', $where: '1' }],
    [COUPONS, { name: 'c', amount: 1, $set: {} }],
  ])('an unknown field that begins with $, to %s', async (path, body) => {
    expectProblem(await call(url + path, 'POST', body), 400, 'invalid_request', /\$/);
  });

  test.each(['null', '[]', '5', '"text"'])('the body %s', async (body) => {
    expectProblem(await call(url + CLAIM, 'POST', body), 400, 'invalid_request', 'the body must be of type object');
  });

  test.each(['', '{', '{"user_id":', 'user_id=u', '{"__proto__":{"a":1},"user_id":"u","coupon_name":"c"}'])(
    'the malformed body %j',
    async (body) => {
      expectProblem(await call(url + CLAIM, 'POST', body), 400, 'invalid_request', /\w/);
    },
  );

  test('a body of another type', async () => {
    const headers = { 'content-type': 'text/plain' };
    expectProblem(await call(url + CLAIM, 'POST', '{}', headers), 415, 'unsupported_media_type', 'application/json');
  });

  test('a body of 2 MB', async () => {
    const body = { user_id: 'u', coupon_name: 'c', filler: 'x'.repeat(2_000_000) };
    expectProblem(await call(url + CLAIM, 'POST', body), 413, 'payload_too_large', String(BODY_MAX_BYTES));
  });
});

describe('reading', () => {
  test.each(['1001', '-1', '1.5', 'ten', ''])('limit=%s is refused', async (limit) => {
    expectProblem(await call(`${url}/api/coupons/real?limit=${limit}`, 'GET'), 400, 'invalid_request', /^limit/);
  });

  test('a name that can be none is refused, one that is not there is not found', async () => {
    expectProblem(await call(`${url}/api/coupons/${'x'.repeat(300)}`, 'GET'), 400, 'invalid_request', /^name must/);
    expectProblem(await call(`${url}/api/coupons/${'x'.repeat(5_000)}`, 'GET'), 400, 'invalid_request', /name/);
    expectProblem(await call(`${url}/api/coupons/%E0%A4%A`, 'GET'), 400, 'invalid_request', /\w/);
    expectProblem(await call(`${url}/api/coupons/missing`, 'GET'), 404, 'coupon_not_found', /name/);
    expectProblem(await call(`${url}/nowhere`, 'GET'), 404, 'not_found', '/nowhere');
  });

  test('an unchanged coupon is not sent again', async () => {
    await createCoupon(url, 'real', 5);
    const first = await call(`${url}/api/coupons/real`, 'GET');
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^W\//);
    expect((await call(`${url}/api/coupons/real`, 'GET', undefined, { 'if-none-match': etag })).status).toBe(304);
    expectProblem(await call(url + COUPONS, 'POST', { name: 'real', amount: 9 }), 409, 'name_taken', /another name/);
    expect(await readCoupon(url, 'real')).toMatchObject({ amount: 5, remaining_amount: 5 });
  });
});

describe('names make the round trip create → get → claim', () => {
  beforeAll(async () => {
    await system.close();
    system = await startSystem();
    url = system.urls[0] as string;
  });

  test.each([
    ['emoji', '🎟️🔥'],
    ['255 emoji', '🎟'.repeat(255)],
    ['slash', 'a/b'],
    ['an escaped slash', 'a%2Fb'],
    ['a percent sign', '100% off'],
    ['colon', 'a:b'],
    ['question mark and hash', 'a?b#c'],
    ['255 characters', 'x'.repeat(255)],
    ['quotes and backslash', '"\\\''],
    ['a dollar sign', '$gt'],
    ['not normalised', 'cafe\u0301'],
    ['the route of claims', 'claim'],
    ['a property of every object', '__proto__'],
    ['blanks around', ' a '],
    ['plus', 'a+b c'],
    ['right to left', 'مبيعات ١٠٪'],
    ['right to left among others', 'sale \u202bמבצע\u202c 10'],
    ['zero-width characters', 'a\u200b\u200c\u200db\ufeff'],
    ['an emoji of several', '👩🏽‍🚀👨‍👩‍👧‍👦🏳️‍🌈'],
    ['255 code points of 4 bytes', '𠮷'.repeat(255)],
    ['Hangul in parts', '\u1112\u1161\u11ab\u1100\u1173\u11af'],
    ['a sign that has a second form', '\u212bngstr\u00f6m'],
  ])('%s', async (_, name) => {
    const user = `${name.slice(0, 100)} ${randomUUID()}`.normalize('NFC');
    const created = await createCoupon(url, name, 2);
    expect(created.name).toBe(name.normalize('NFC'));
    expect((await claim(url, name, user)).body).toMatchObject({ coupon_name: created.name, user_id: user });
    expect(await readCoupon(url, name)).toMatchObject({ name: created.name, remaining_amount: 1, claimed_by: [user] });
  });

  test.each([
    ['decomposed first', 'mu\u0308sli', 'm\u00fcsli'],
    ['composed first', 'cr\u00e8me', 'cre\u0300me'],
    ['marks in another order', 'q\u0323\u0307', 'q\u0307\u0323'],
    ['the angstrom sign and the letter', '\u212b', '\u00c5'],
    ['Hangul in parts and in syllables', '\u1112\u1161\u11ab', '\ud55c'],
  ])('two spellings of one name are one coupon: %s', async (_, one, other) => {
    expect(one).not.toBe(other);
    await createCoupon(url, one, 2);
    expect(await call(url + COUPONS, 'POST', { name: other, amount: 1 })).toMatchObject({
      status: 409,
      body: { code: 'name_taken' },
    });
    const [first, same, next] = [
      await claim(url, other, 'zoe\u0308'),
      await claim(url, one, 'zo\u00eb'),
      await claim(url, one, 'next'),
    ];
    expect([first.status, same.status, next.status]).toEqual([200, 409, 200]);
    expect(first.body).toMatchObject({ coupon_name: one.normalize('NFC'), user_id: 'zo\u00eb' });
    for (const name of [one, other])
      expect(await readCoupon(url, name)).toMatchObject({
        name: one.normalize('NFC'),
        remaining_amount: 0,
        claimed_by: ['zo\u00eb', 'next'],
      });
  });

  test('signs that only look alike are two coupons', async () => {
    // Compatibility forms are other names: NFC leaves them as they are.
    for (const name of ['\ufb01ve', 'five', 'FIVE', 'f\u200bive']) await createCoupon(url, name, 1);
    for (const name of ['\ufb01ve', 'five', 'FIVE', 'f\u200bive'])
      expect(await claim(url, name, 'user')).toMatchObject({ status: 200, body: { coupon_name: name } });
  });
});
