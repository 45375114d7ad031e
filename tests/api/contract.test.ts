import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BODY_MAX_BYTES, CLAIMED_BY_MAX } from '@flashclaim/core';
import { ObjectId } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beginExport, LONG_EXPORT, longUser } from '../support/begin-export.ts';
import { call, claim, createCoupon, type Reply } from '../support/call-api.ts';
import { DOCUMENTED_ANSWERS, type DocumentedAnswer } from '../support/documented-answers.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { grantUnits } from '../support/grant-units.ts';
import { insertClaims, insertCoupon } from '../support/insert-sale.ts';
import { Contract } from '../support/openapi.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { exchange, rawPost, rawRequest } from '../support/raw-connection.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { AUDIENCE, ISSUER, newKey, tokenOf } from '../support/token-issuer.ts';
import { until } from '../support/until.ts';

/**
 * The contract, row by row: each answer that it promises is provoked over HTTP, and held against the document.
 * A row is named as the document has it: the operation, the status, and the code of a problem. `anyCall` is none that is documented.
 */
interface Row {
  answer: string;
  when: string;
  send: () => Promise<Reply>;
  /** Headers that must be there, beyond those of every answer, and what they say. */
  headers?: Record<string, RegExp>;
  body?: object;
  detail?: string | RegExp;
}

const SECONDS = /^[123]$/;
const IN_A_MINUTE = /^([1-9]|[1-5]\d|60)$/;
const limits = (remaining: number) => ({
  'ratelimit-policy': /^"address";q=2;w=60$/,
  ratelimit: new RegExp(`^"address";r=${remaining};t=([1-9]|[1-5]\\d|60)$`),
});
const CLAIM_ADDRESS = /^\/api\/claims\/[\w-]{10,}$/;
const NEXT = /^<\/api\/coupons\/[^/]+\/claims\?status=claimed&after=[\w-]+>; rel="next"$/;
const ETAG = /^W\/"[^"]+"$/;

/** Answers that one call alone can't provoke, and the tests that bring them about. */
const ELSEWHERE: Record<string, string> = {
  'anyCall 408 request_timeout': 'api/hardening/slow-senders.test.ts',
  'anyCall 431 headers_too_large': 'api/client-errors.test.ts',
};

/** A defect of these calls that nobody knows of: where one is made, below, the same error handler answers. */
const NO_DEFECT_KNOWN = ['claimCoupon', 'getHealth', 'getLiveness', 'getReadiness', 'getMetrics', 'getOpenapi'].map(
  (operationId) => `${operationId} 500 internal_error`,
);

const LISTS = [
  ['listCoupons', '/api/coupons'],
  ['listCouponClaims', '/api/coupons/any/claims'],
  ['listUserClaims', '/api/users/any/claims'],
] as const;

const TOKEN = 'a token for tests';
const KEY = 'a claim key for tests';
const AUTHENTICATE = /^Bearer realm="flashclaim"/;
const JSON_HEADERS = { 'content-type': 'application/json' };
const TEXT_HEADERS = { 'content-type': 'text/plain' };

let system: System;
let url: string;
let contract: Contract;
/** By answer, the headers that each of its rows has looked at. */
const provoked = new Map<string, Set<string>[]>();

/** What the processes say. */
const log: string[] = [];

const onSystem = (options: SystemOptions | (() => Promise<SystemOptions>)) => {
  beforeAll(async () => {
    const chosen = typeof options === 'function' ? await options() : options;
    system = await startSystem({ ...chosen, output: (line) => log.push(line) });
    url = system.urls[0] as string;
    contract = await Contract.read(url);
  });
  afterAll(() => system?.close());
};

const holds = ({ answer, when, send, headers = {}, body, detail }: Row) =>
  test(`${answer}: ${when}`, async () => {
    const reply = await send();
    const [operationId = '', status, code] = answer.split(' ');
    if (operationId !== 'anyCall') expect(contract.faultsOf(operationId, reply)).toEqual([]);
    expect(reply.status).toBe(Number(status));
    if (code) expectProblem(reply, code as never, detail);
    const isCoupon = operationId.endsWith('Coupon') && operationId !== 'claimCoupon' && reply.status < 400;
    const expected = {
      'x-request-id': /\w/,
      'x-content-type-options': /^nosniff$/,
      'cache-control': isCoupon ? /^no-cache$/ : /^no-store$/,
      ...headers,
    };
    for (const [name, says] of Object.entries(expected))
      expect([name, reply.headers.get(name)]).toEqual([name, expect.stringMatching(says)]);
    if (body) expect(reply.body).toMatchObject(body);
    if (code === 'internal_error') await until(async () => log.some((line) => tellsOf(line, reply.body.request_id)));
    provoked.set(answer, [...(provoked.get(answer) ?? []), new Set(Object.keys(expected))]);
  });

const tellsOf = (line: string, id: string) => line.includes(`"request_id":"${id}"`) && line.includes('a defect');

const post = (path: string, body: unknown, headers = {}) => call(url + path, 'POST', body, headers);
const remove = (claimId: string, headers = {}) => call(`${url}/api/claims/${claimId}`, 'DELETE', undefined, headers);
const get = (path: string, headers = {}) => call(url + path, 'GET', undefined, headers);
const getText = async (path: string, accept = '*/*'): Promise<Reply> => {
  const response = await fetch(url + path, { headers: { accept } });
  return { status: response.status, headers: response.headers, body: await response.text() };
};
const claimBody = (body: unknown, headers = {}) => post('/api/coupons/claim', body, headers);
const longBody = JSON.stringify({ user_id: 'u', coupon_name: 'c', filler: 'x'.repeat(BODY_MAX_BYTES) });

/** A coupon of which `taken` users hold a unit, by whichever name. */
const couponWith = async (name: string, amount: number, taken: number): Promise<string> => {
  await createCoupon(url, name, amount);
  for (let i = 0; i < taken; i++) expect((await claim(url, name, `user-${i}`)).status).toBe(200);
  return name;
};

/** A document that no code of ours could have written, past every validator. */
const corrupt = (collection: 'coupons' | 'claims', document: object) =>
  system.stores.mongo.db.collection(collection).insertOne(document, { bypassDocumentValidation: true });

describe('a system like any other', () => {
  onSystem({ workers: 1 });

  describe('creating a coupon', () => {
    const create = (body: unknown, headers = {}) => post('/api/coupons', body, headers);

    const rows: Row[] = [
      {
        answer: 'createCoupon 201',
        when: 'the name is free',
        send: () => create({ name: 'cafe\u0301', amount: 2_147_483_647 }),
        headers: { location: /^\/api\/coupons\/caf%C3%A9$/, etag: ETAG },
        body: {
          name: 'café',
          amount: 2_147_483_647,
          remaining_amount: 2_147_483_647,
          claimed_by: [],
          claimed_count: 0,
          version: 1,
          state: 'open',
        },
      },
      {
        answer: 'createCoupon 201',
        when: 'it has a window, in which it is paused',
        send: () => create({ name: 'noon', amount: 1, starts_at: '2000-01-01T00:00:00Z', ends_at: null, paused: true }),
        body: { state: 'paused', starts_at: '2000-01-01T00:00:00.000Z', paused: true },
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'a time has no offset',
        send: () => create({ name: 'n', amount: 1, starts_at: '2026-11-27T09:00:00' }),
        detail: 'starts_at must be a time of RFC 3339 with an offset',
        body: { errors: [{ pointer: '#/starts_at' }] },
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'there are fields that nobody knows',
        send: () => create({ name: 'more', amount: 1, start_at: 'tomorrow', 'a/b~c d': { nested: 1 } }),
        detail: 'start_at is not an allowed field.',
        body: {
          errors: [
            { pointer: '#/start_at', detail: 'start_at is not an allowed field.' },
            { pointer: '#/a~1b~0c%20d', detail: '"a/b~c d" is not an allowed field.' },
          ],
        },
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'everything is wrong: each fault is listed',
        send: () => create({ amount: '5', colour: 'red' }),
        detail: 'name is missing.',
        body: {
          errors: [
            { pointer: '#/name', detail: 'name is missing.' },
            { pointer: '#/colour', detail: 'colour is not an allowed field.' },
            { pointer: '#/amount', detail: 'amount must be of type integer.' },
          ],
        },
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'an amount is text',
        send: () => create({ name: 'n', amount: '5' }),
        detail: 'amount must be of type integer.',
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'a field is missing',
        send: () => create({ name: 'n' }),
        detail: 'amount is missing.',
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'a field looks like an operator',
        send: () => create({ name: 'n', amount: 1, $inc: 1 }),
        detail: '$inc is not an allowed field.',
        body: { errors: [{ pointer: '#/$inc' }] },
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'there is no body',
        send: () => create(undefined),
        detail: 'the body must be of type object.',
        body: { errors: [{ pointer: '#', detail: 'the body must be of type object.' }] },
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'the body is empty',
        send: () => create('', JSON_HEADERS),
        detail: 'The body is empty.',
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'the body is cut off',
        send: () => create('{"name":'),
        detail: 'The body is not valid JSON',
        body: { errors: [{ pointer: '#' }] },
      },
      {
        answer: 'createCoupon 403 host_not_allowed',
        when: 'it is sent under a name that is in somebody’s DNS',
        send: () => {
          const bytes = rawPost('/api/coupons', '{"name":"n","amount":1}').toString();
          return exchange(url, bytes.replace('Host: localhost', 'Host: rebound.example'));
        },
        detail: 'set ADMIN_TOKEN',
      },
      {
        answer: 'createCoupon 409 name_taken',
        when: 'the name is taken, in whichever spelling',
        send: async () => {
          await createCoupon(url, 'mu\u0308sli', 1);
          return create({ name: 'müsli', amount: 1 });
        },
      },
      {
        answer: 'createCoupon 413 payload_too_large',
        when: 'the body is longer than it may be',
        send: () => create(longBody),
        detail: String(BODY_MAX_BYTES),
      },
      {
        answer: 'createCoupon 415 unsupported_media_type',
        when: 'the body is text',
        send: () => create('{"name":"n","amount":1}', TEXT_HEADERS),
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('changing a coupon', () => {
    beforeAll(async () => {
      await createCoupon(url, 'set/up', 5);
      await grantUnits(system.stores.mongo, 'set/up', ['user-0', 'user-1']);
    });
    const change = (body: unknown, headers = {}, name = 'set%2Fup') =>
      call(`${url}/api/coupons/${name}`, 'PATCH', body, headers);
    const ends_at = '2999-01-01T00:00:00+01:00';

    const rows: Row[] = [
      {
        answer: 'changeCoupon 200',
        when: 'all settings are new',
        send: () => change({ amount: 4, starts_at: '2998-12-31T22:59:59.999999Z', ends_at, paused: true, version: 1 }),
        headers: { etag: ETAG, vary: /^Authorization$/ },
        body: {
          name: 'set/up',
          amount: 4,
          remaining_amount: 2,
          claimed_count: 2,
          version: 2,
          state: 'paused',
          starts_at: '2998-12-31T22:59:59.999Z',
          ends_at: '2998-12-31T23:00:00.000Z',
          paused: true,
        },
      },
      {
        answer: 'changeCoupon 200',
        when: 'it changes nothing',
        send: () => change({ ends_at }),
        body: { version: 2 },
      },
      {
        answer: 'changeCoupon 200',
        when: 'null and false remove settings',
        send: () => change({ ends_at: null, paused: false }),
        body: { version: 3, state: 'scheduled' },
      },
      {
        answer: 'changeCoupon 400 invalid_request',
        when: 'it has no setting',
        send: () => change({ version: 3 }),
        detail: 'the body must have at least one of the fields that can be changed.',
        body: { errors: [{ pointer: '#' }] },
      },
      {
        answer: 'changeCoupon 400 invalid_request',
        when: 'it would end before it starts',
        send: () => change({ ends_at: '2000-01-01T00:00:00Z' }),
        detail: 'ends_at must be later than starts_at.',
        body: { errors: [{ pointer: '#/ends_at' }] },
      },
      {
        answer: 'changeCoupon 403 host_not_allowed',
        when: 'a page of another origin sends it',
        send: () => change({ paused: true }, { origin: 'https://shop.example' }),
      },
      {
        answer: 'changeCoupon 404 coupon_not_found',
        when: 'there is no such coupon',
        send: () => change({ paused: true }, {}, 'SET%2Fup'),
      },
      {
        answer: 'changeCoupon 409 amount_below_claimed',
        when: 'more units are claimed',
        send: () => change({ amount: 1 }),
        detail: '2 units are claimed',
      },
      {
        answer: 'changeCoupon 409 version_conflict',
        when: 'the coupon was changed since',
        send: () => change({ amount: 1, version: 2 }),
        detail: 'The coupon has version 3.',
      },
      {
        answer: 'changeCoupon 413 payload_too_large',
        when: 'the body is longer than it may be',
        send: () => change(longBody),
      },
      {
        answer: 'changeCoupon 415 unsupported_media_type',
        when: 'the body is a merge patch',
        send: () => change({ paused: true }, { 'content-type': 'application/merge-patch+json' }),
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('claiming', () => {
    const rows: Row[] = [
      {
        answer: 'claimCoupon 200',
        when: 'a unit remains',
        send: async () => claim(url, await couponWith('free', 2, 1), 'zoe\u0308'),
        body: {
          message: 'coupon claimed successfully',
          claim_id: expect.any(String),
          status: 'claimed',
          code: 'claimed',
          user_id: 'zoë',
          coupon_name: 'free',
          claimed_at: expect.any(String),
        },
      },
      {
        answer: 'claimCoupon 400 invalid_request',
        when: 'more units are wanted than one: there is no such field yet',
        send: () => claimBody({ user_id: 'u', coupon_name: 'free', quantity: 3 }),
        detail: 'quantity is not an allowed field.',
        body: { errors: [{ pointer: '#/quantity', detail: 'quantity is not an allowed field.' }] },
      },
      {
        answer: 'claimCoupon 400 invalid_request',
        when: 'body and header are wrong: both are listed',
        send: () => claimBody({ user_id: 'u ', coupon_name: '\u202eeerf' }, { 'idempotency-key': '"open' }),
        detail: 'user_id must be 1 to 255 characters',
        body: { errors: [{ pointer: '#/user_id' }, { pointer: '#/coupon_name' }, { header: 'idempotency-key' }] },
      },
      {
        answer: 'claimCoupon 400 invalid_request',
        when: 'a name is an operator',
        send: () => claimBody({ user_id: { $gt: '' }, coupon_name: 'c' }),
        detail: 'user_id must be of type string.',
      },
      {
        answer: 'claimCoupon 400 invalid_request',
        when: 'nothing is right, the coupon included',
        send: () => claimBody({ user_id: ' ', coupon_name: 'missing' }),
        detail: 'user_id must be 1 to 255 characters',
      },
      {
        answer: 'claimCoupon 400 out_of_stock',
        when: 'nothing remains',
        send: async () => claim(url, await couponWith('gone', 1, 1), 'late'),
      },
      {
        answer: 'claimCoupon 404 coupon_not_found',
        when: 'there is no such coupon',
        send: () => claim(url, 'Free', 'user'),
      },
      {
        answer: 'claimCoupon 409 already_claimed',
        when: 'the user holds a unit, though nothing remains',
        send: async () => claim(url, await couponWith('mine', 1, 1), 'user-0'),
      },
      {
        answer: 'claimCoupon 413 payload_too_large',
        when: 'the body is longer than it may be',
        send: () => claimBody(longBody),
      },
      {
        answer: 'claimCoupon 415 unsupported_media_type',
        when: 'the body is a form',
        send: () => claimBody('user_id=u&coupon_name=c', { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      {
        answer: 'claimCoupon 200',
        when: 'the media type says its character set',
        send: async () => {
          const coupon_name = await couponWith('typed', 1, 0);
          return claimBody({ user_id: 'u', coupon_name }, { 'content-type': 'Application/JSON; charset=utf-8' });
        },
      },
      {
        answer: 'claimCoupon 200',
        when: 'a wait is preferred',
        send: async () => claim(url, await couponWith('preferred', 1, 0), 'user', { prefer: 'wait=4' }),
        headers: { 'preference-applied': /^wait=4$/ },
      },
      {
        answer: 'claimCoupon 409 already_claimed',
        when: 'a wait is preferred, and the user holds a unit',
        send: () => claim(url, 'preferred', 'user', { prefer: 'wait=4' }),
        headers: { 'preference-applied': /^wait=4$/ },
      },
      {
        answer: 'claimCoupon 200',
        when: 'the same key comes again',
        send: async () => {
          await claim(url, await couponWith('keyed', 9, 0), 'user', { 'idempotency-key': 'k' });
          return claim(url, 'keyed', 'user', { 'idempotency-key': 'k' });
        },
        headers: { 'idempotency-replayed': /^true$/ },
      },
      {
        answer: 'claimCoupon 422 idempotency_key_reused',
        when: "the key made the user's claim on another coupon",
        send: () => claim(url, 'free', 'user', { 'idempotency-key': 'k' }),
        detail: 'belongs to a claim of this user on another coupon',
      },
      {
        answer: 'claimCoupon 200',
        when: 'another user sends the same key',
        send: () => claim(url, 'keyed', 'other', { 'idempotency-key': '"k"' }),
        body: { status: 'claimed', user_id: 'other', coupon_name: 'keyed' },
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('releasing a claim', () => {
    let claimId: string;
    beforeAll(async () => {
      await createCoupon(url, 'released', 1);
      claimId = (await claim(url, 'released', 'user', { 'idempotency-key': 'r' })).body.claim_id;
    });
    const ended = { status: 'released', code: 'released', sequence: 1, ended_at: expect.any(String) };

    const rows: Row[] = [
      {
        answer: 'releaseClaim 403 host_not_allowed',
        when: 'another host name is called',
        send: () =>
          exchange(
            url,
            rawRequest(`DELETE /api/claims/${claimId} HTTP/1.1`).replace('Host: localhost', 'Host: rebound.example'),
          ),
      },
      { answer: 'releaseClaim 200', when: 'it has a unit', send: () => remove(claimId), body: ended },
      { answer: 'releaseClaim 200', when: 'it is released already', send: () => remove(claimId), body: ended },
      {
        answer: 'claimCoupon 409 claim_released',
        when: 'the claim of this key was released',
        send: () => claim(url, 'released', 'user', { 'idempotency-key': 'r', prefer: 'wait=1' }),
        headers: { 'preference-applied': /^wait=1$/ },
      },
      {
        answer: 'claimCoupon 200',
        when: 'its user claims again',
        send: () => claim(url, 'released', 'user'),
        body: { status: 'claimed', sequence: 2 },
      },
      { answer: 'releaseClaim 404 not_found', when: 'no claim has this id', send: () => remove('nobody') },
      {
        answer: 'releaseClaim 400 invalid_request',
        when: 'the id is too long',
        send: () => remove('x'.repeat(65)),
        detail: /^claim_id must NOT have more than 64 characters/,
      },
      {
        answer: 'releaseClaim 400 invalid_request',
        when: 'it has fields',
        send: () => call(`${url}/api/claims/${claimId}`, 'DELETE', { quantity: 1 }),
        detail: /^A release has no fields/,
        body: { errors: [{ pointer: '#' }] },
      },
      {
        answer: 'releaseClaim 413 payload_too_large',
        when: 'it has a body, which is longer than it may be',
        send: () => call(`${url}/api/claims/${claimId}`, 'DELETE', longBody),
        detail: String(BODY_MAX_BYTES),
      },
      {
        answer: 'releaseClaim 415 unsupported_media_type',
        when: 'it has a body, which is text',
        send: () => call(`${url}/api/claims/${claimId}`, 'DELETE', 'text', TEXT_HEADERS),
      },
      {
        answer: 'claimCoupon 403 sale_not_open',
        when: 'the coupon is paused',
        send: async () => {
          await call(`${url}/api/coupons/released`, 'PATCH', { paused: true });
          return claim(url, 'released', 'other', { prefer: 'wait=1' });
        },
        headers: { 'preference-applied': /^wait=1$/ },
        body: { reason: 'paused' },
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('reading a coupon', () => {
    beforeAll(async () => {
      await couponWith('a/b', 5, 3);
    });
    const path = `/api/coupons/${encodeURIComponent('a/b')}`;
    const users = ['user-0', 'user-1', 'user-2'];
    const whole = { name: 'a/b', amount: 5, remaining_amount: 2, claimed_by: users, claimed_count: 3 };

    const rows: Row[] = [
      {
        answer: 'getCoupon 200',
        when: 'it is there',
        send: () => get(path),
        headers: { etag: ETAG, vary: /^Authorization$/ },
        body: whole,
      },
      {
        answer: 'getCoupon 200',
        when: 'few users are asked for: the count stays true',
        send: () => get(`${path}?limit=2`),
        headers: { link: NEXT },
        body: { ...whole, claimed_by: users.slice(0, 2) },
      },
      {
        answer: 'getCoupon 200',
        when: 'no users are asked for',
        send: () => get(`${path}?limit=0`),
        body: { ...whole, claimed_by: [] },
      },
      {
        answer: 'getCoupon 200',
        when: 'a parameter is there that nobody knows',
        send: () => get(`${path}?limit=${CLAIMED_BY_MAX}&colour=red`),
        body: whole,
      },
      {
        answer: 'getCoupon 304',
        when: 'it is as it was',
        send: async () => get(path, { 'if-none-match': (await get(path)).headers.get('etag') }),
        headers: { etag: ETAG, vary: /^Authorization$/ },
      },
      {
        answer: 'getCoupon 304',
        when: 'its tag is one of several, weak or not',
        send: async () => {
          const etag = (await get(path)).headers.get('etag') as string;
          return get(path, { 'if-none-match': `"a, b", W/"c",${etag.replace('W/', '')}` });
        },
        headers: { etag: ETAG },
      },
      {
        answer: 'getCoupon 304',
        when: 'any tag will do',
        send: () => get(path, { 'if-none-match': '*' }),
        headers: { etag: ETAG },
      },
      {
        answer: 'getCoupon 304',
        when: 'it is as it was created',
        send: async () => {
          const created = await post('/api/coupons', { name: 'unsold', amount: 1 });
          return get('/api/coupons/unsold', { 'if-none-match': created.headers.get('etag') });
        },
        headers: { etag: ETAG },
      },
      {
        answer: 'getCoupon 200',
        when: 'it was claimed since',
        send: async () => {
          const etag = (await get(path)).headers.get('etag');
          await claim(url, 'a/b', 'user-3');
          return get(path, { 'if-none-match': etag });
        },
        body: { remaining_amount: 1 },
      },
      ...['1001', '-1', '1.5', 'ten', '', '0x10', '1e2', '%205', '1&limit=2', '99999999999999999999'].map((limit) => ({
        answer: 'getCoupon 400 invalid_request',
        when: `limit is ${limit}`,
        send: () => get(`${path}?limit=${limit}`),
        detail: /^limit must be /,
        body: { errors: [{ parameter: 'limit' }] },
      })),
      {
        answer: 'getCoupon 400 invalid_request',
        when: 'the name is too long to be one',
        send: () => get(`/api/coupons/${'x'.repeat(256)}`),
        detail: /^name must be 1 to 255 characters/,
      },
      {
        answer: 'getCoupon 400 invalid_request',
        when: 'the name has a blank at its end, and the limit is no number: both are listed',
        send: () => get('/api/coupons/a%20?limit=x'),
        detail: /^name must be 1 to 255 characters/,
        body: { errors: [{ parameter: 'name' }, { parameter: 'limit' }] },
      },
      {
        answer: 'getCoupon 400 invalid_request',
        when: 'the address is not encoded as it must be',
        send: () => get('/api/coupons/%E0%A4%A'),
        detail: 'percent-encoded',
      },
      {
        answer: 'getCoupon 404 coupon_not_found',
        when: 'it is not there',
        send: () => get('/api/coupons/A%2FB'),
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('listing', () => {
    beforeAll(async () => {
      const { mongo } = system.stores;
      const ended = new Date('2026-11-27T10:00:00.000Z');
      const coupon = await insertCoupon(mongo, 'listed');
      const changes = { ended_at: ended, user_id: 'only-listed' };
      await insertClaims(mongo, coupon, [1, 3], (sequence) => (sequence === 2 ? changes : {}));
      await insertCoupon(mongo, 'listed too');
    });
    const vary = { vary: /^Accept$/ };
    const paths = {
      listCoupons: '/api/coupons?q=listed',
      listCouponClaims: '/api/coupons/listed/claims',
      listUserClaims: '/api/users/only-listed/claims',
    };
    const rebound = (path: string) =>
      exchange(url, rawRequest(`GET ${path} HTTP/1.1`).replace('Host: localhost', 'Host: rebound.example'));
    const released = { status: 'released', sequence: 2, ended_at: '2026-11-27T10:00:00.000Z' };

    const rows: Row[] = [
      {
        answer: 'listCoupons 200',
        when: 'names begin so',
        send: () => get(paths.listCoupons),
        body: { data: [{ name: 'listed', claimed_count: 2 }, { name: 'listed too' }], next: null },
      },
      {
        answer: 'listCoupons 200',
        when: 'there are more than asked for',
        send: () => get(`${paths.listCoupons}&limit=1`),
        body: { data: [{ name: 'listed' }], next: expect.any(String) },
      },
      {
        answer: 'listCouponClaims 200',
        when: 'there are claims, live and released',
        send: () => get(paths.listCouponClaims),
        headers: vary,
        body: { data: [{ status: 'claimed', sequence: 1 }, released, { sequence: 3 }], next: null },
      },
      {
        answer: 'listCouponClaims 200',
        when: 'the released ones are asked for',
        send: () => get(`${paths.listCouponClaims}?status=released`),
        headers: vary,
        body: { data: [released], next: null },
      },
      ...['application/x-ndjson', 'text/csv'].map((accept) => ({
        answer: 'listCouponClaims 200',
        when: `an export is asked for: ${accept}`,
        send: () => getText(paths.listCouponClaims, accept),
        headers: { ...vary, 'content-type': new RegExp(`^${accept}; charset=utf-8$`) },
      })),
      {
        answer: 'listCouponClaims 404 coupon_not_found',
        when: 'there is no such coupon',
        send: () => get('/api/coupons/unlisted/claims'),
      },
      {
        answer: 'listUserClaims 200',
        when: 'the user has a claim',
        send: () => get(paths.listUserClaims),
        body: { data: [{ ...released, user_id: 'only-listed' }], next: null },
      },
      {
        answer: 'listUserClaims 200',
        when: 'nobody knows the user',
        send: () => get('/api/users/nobody/claims'),
        body: { data: [], next: null },
      },
      ...Object.entries(paths).flatMap(([operationId, path]): Row[] => [
        {
          answer: `${operationId} 400 invalid_request`,
          when: 'limit and cursor are wrong: both are listed',
          send: () => get(`${path}${path.includes('?') ? '&' : '?'}limit=0&after=`),
          detail: 'limit must be >= 1',
          body: { errors: [{ parameter: 'limit' }, { parameter: 'after' }] },
        },
        {
          answer: `${operationId} 400 invalid_request`,
          when: 'a parameter is sent twice',
          send: () => get(`${path}${path.includes('?') ? '&' : '?'}limit=1&limit=2`),
          detail: 'limit must be of type integer, and sent once.',
          body: { errors: [{ parameter: 'limit' }] },
        },
        {
          answer: `${operationId} 400 invalid_request`,
          when: 'its query is not UTF-8',
          send: () => get(`${path}${path.includes('?') ? '&' : '?'}q=%ff`),
          detail: 'percent-encoded',
        },
        {
          answer: `${operationId} 403 host_not_allowed`,
          when: 'it is sent under a name that is in somebody’s DNS',
          send: () => rebound(path),
          detail: 'set ADMIN_TOKEN',
        },
      ]),
      {
        answer: 'listCouponClaims 503 overloaded',
        when: 'two exports run',
        send: async () => {
          const coupon = await insertCoupon(system.stores.mongo, 'exported');
          const change = (sequence: number) => ({ user_id: longUser(sequence) });
          await insertClaims(system.stores.mongo, coupon, [1, LONG_EXPORT], change);
          const path = '/api/coupons/exported/claims';
          for (let i = 0; i < 2; i++) await beginExport(url + path);
          return get(path, { accept: 'text/csv' });
        },
        headers: { 'retry-after': SECONDS },
        detail: 'runs 2 exports',
        body: { done: 'nothing' },
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('the service itself', () => {
    const rows: Row[] = [
      { answer: 'getHealth 200', when: 'all parts are up', send: () => get('/health'), body: { status: 'ok' } },
      { answer: 'getLiveness 200', when: 'it answers', send: () => get('/livez'), body: { status: 'ok' } },
      { answer: 'getReadiness 200', when: 'it can take claims', send: () => get('/readyz'), body: { status: 'ok' } },
      { answer: 'getOpenapi 200', when: 'always', send: () => get('/openapi.json'), body: { openapi: '3.1.0' } },
      {
        answer: 'getMetrics 200',
        when: 'always',
        send: () => getText('/metrics'),
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('what no call is documented for', () => {
    const rows: Row[] = [
      { answer: 'anyCall 404 not_found', when: 'nothing is there', send: () => get('/api/nothing') },
      {
        answer: 'anyCall 405 method_not_allowed',
        when: 'the address takes other methods',
        send: () => call(`${url}/api/coupons`, 'DELETE'),
        headers: { allow: /^GET, HEAD, POST$/ },
      },
      {
        answer: 'anyCall 204',
        when: 'it is asked what the address takes',
        send: () => call(`${url}/api/coupons/any`, 'OPTIONS'),
        headers: { allow: /^GET, HEAD, PATCH$/ },
      },
    ];
    for (const row of rows) holds(row);
  });

  describe('a defect', () => {
    const rows: Row[] = [
      {
        answer: 'getCoupon 500 internal_error',
        when: 'what the database holds is no coupon',
        send: async () => {
          await corrupt('coupons', { name: 'broken', amount: 1, remaining_amount: 1, created_at: 'yesterday' });
          return get('/api/coupons/broken');
        },
        detail: 'request id',
      },
      {
        answer: 'getClaim 500 internal_error',
        when: 'what the database holds is no claim',
        send: async () => {
          const fields = { user_id: 'u', coupon_id: new ObjectId(), coupon_name: 'c', claimed_at: 'yesterday' };
          await corrupt('claims', { _id: 'broken' as never, ...fields });
          return get('/api/claims/broken');
        },
        detail: 'request id',
      },
      {
        answer: 'releaseClaim 500 internal_error',
        when: 'what the database holds is no claim',
        send: () => remove('broken'),
        detail: 'request id',
      },
      {
        answer: 'listCoupons 500 internal_error',
        when: 'what the database holds is no coupon',
        send: async () => {
          await corrupt('coupons', { name: 'broken, too', amount: 1, remaining_amount: 1, created_at: 'yesterday' });
          return get('/api/coupons?q=broken,');
        },
        detail: 'request id',
      },
      ...['/api/coupons/listed/claims', '/api/users/broken/claims'].map((path, index) => ({
        answer: `${index === 0 ? 'listCouponClaims' : 'listUserClaims'} 500 internal_error`,
        when: 'what the database holds is no claim',
        send: async () => {
          const { _id: coupon_id } = (await system.stores.mongo.coupons.findOne({ name: 'listed' })) as {
            _id: ObjectId;
          };
          const fields = { user_id: 'broken', coupon_id, coupon_name: 'listed', claimed_at: 'yesterday', ordinal: 1 };
          await system.stores.mongo.claims.deleteMany({ user_id: 'broken' });
          await corrupt('claims', { _id: 'no claim' as never, sequence: 9, ...fields });
          return get(path);
        },
        detail: 'request id',
      })),
      {
        answer: 'createCoupon 500 internal_error',
        when: 'the database refuses what is right',
        send: async () => {
          const rule = { collMod: 'coupons', validator: { name: 'nobody' } };
          await system.stores.mongo.db.command(rule);
          return post('/api/coupons', { name: 'refused', amount: 1 });
        },
        detail: 'request id',
      },
      {
        answer: 'changeCoupon 500 internal_error',
        when: 'the database refuses what is right',
        send: () => call(`${url}/api/coupons/noon`, 'PATCH', { amount: 2 }),
        detail: 'request id',
      },
    ];
    for (const row of rows) holds(row);
  });
});

describe('what is for admin, once there is a token', () => {
  onSystem({ workers: 0, env: { ADMIN_TOKEN: TOKEN } });
  const asAdmin = { authorization: `Bearer ${TOKEN}` };
  const guess = { authorization: 'Bearer guess' };
  const rows: Row[] = [
    {
      answer: 'createCoupon 401 unauthorized',
      when: 'it is not sent, whatever else is wrong',
      send: () => post('/api/coupons', '{', TEXT_HEADERS),
      headers: { 'www-authenticate': /^Basic .*Bearer / },
    },
    {
      answer: 'createCoupon 201',
      when: 'it is sent',
      send: () => post('/api/coupons', { name: 'n', amount: 1 }, asAdmin),
      headers: {
        location: /^\/api\/coupons\/n$/,
        etag: ETAG,
        vary: /^Authorization$/,
        'cache-control': /^private, no-cache$/,
      },
    },
    {
      answer: 'changeCoupon 401 unauthorized',
      when: 'it is not sent, whatever else is wrong',
      send: () => call(`${url}/api/coupons/n`, 'PATCH', '{', TEXT_HEADERS),
      headers: { 'www-authenticate': /^Basic .*Bearer / },
    },
    {
      answer: 'changeCoupon 200',
      when: 'it is sent',
      send: () => call(`${url}/api/coupons/n`, 'PATCH', { amount: 2 }, asAdmin),
      headers: { 'cache-control': /^private, no-cache$/ },
      body: { version: 2, remaining_amount: 2 },
    },
    {
      answer: 'getCoupon 200',
      when: 'it is sent',
      send: () => get('/api/coupons/n', asAdmin),
      headers: { 'cache-control': /^private, no-cache$/ },
      body: { claimed_by: [] },
    },
    {
      answer: 'getMetrics 401 unauthorized',
      when: 'it is not sent',
      send: () => get('/metrics'),
      headers: { 'www-authenticate': /^Basic .*Bearer / },
    },
    ...LISTS.map(([operationId, path]) => ({
      answer: `${operationId} 401 unauthorized`,
      when: 'it is not sent',
      send: () => get(path),
      headers: { 'www-authenticate': /^Basic .*Bearer / },
    })),
    {
      answer: 'releaseClaim 401 unauthorized',
      when: 'it is not sent',
      send: () => remove('nobody'),
      headers: { 'www-authenticate': /^Basic .*Bearer / },
    },
    ...[
      { operationId: 'createCoupon', send: () => post('/api/coupons', { name: 'm', amount: 1 }, guess) },
      { operationId: 'releaseClaim', send: () => remove('nobody', guess) },
      { operationId: 'changeCoupon', send: () => call(`${url}/api/coupons/n`, 'PATCH', { amount: 3 }, guess) },
      { operationId: 'getMetrics', send: () => get('/metrics', guess) },
      ...LISTS.map(([operationId, path]) => ({ operationId, send: () => get(path, guess) })),
    ].map(({ operationId, send }) => ({
      answer: `${operationId} 429 rate_limited`,
      when: 'it was guessed too often',
      send: async () => {
        for (let i = 0; i < 10; i++) await send();
        return send();
      },
      headers: {
        'ratelimit-policy': /^"wrong-token";q=10;w=60$/,
        ratelimit: /^"wrong-token";r=0;t=\d+$/,
        'retry-after': IN_A_MINUTE,
      },
      detail: 'More than 10 wrong admin tokens of this address in 60 s.',
    })),
  ];
  for (const row of rows) holds(row);
});

describe('who may claim, once that is restricted', () => {
  let token: string;
  onSystem(async () => {
    const key = await newKey('any');
    token = `Bearer ${await tokenOf(key, 'owner')}`;
    const tokens = { CLAIM_JWT_ISSUER: ISSUER, CLAIM_JWT_AUDIENCE: AUDIENCE, CLAIM_JWT_PUBLIC_KEY: key.pem };
    return { env: { CLAIM_API_KEYS: KEY, ...tokens } };
  });
  let claimId: string;

  const rows: Row[] = [
    {
      answer: 'claimCoupon 401 unauthorized',
      when: 'nothing is sent, whatever else is wrong',
      send: () => claimBody('{', TEXT_HEADERS),
      headers: { 'www-authenticate': AUTHENTICATE },
      detail: 'an API key or a token',
    },
    {
      answer: 'claimCoupon 401 unauthorized',
      when: 'what is sent is neither a key nor a token',
      send: () => claim(url, 'any', 'user', { authorization: 'Bearer guess' }),
      headers: { 'www-authenticate': /, error="invalid_token"$/ },
    },
    {
      answer: 'claimCoupon 200',
      when: 'the token says who the user is',
      send: async () => {
        await createCoupon(url, 'owned', 9);
        const reply = await claimBody({ coupon_name: 'owned' }, { authorization: token });
        claimId = reply.body.claim_id;
        return reply;
      },
      body: { user_id: 'owner' },
    },
    {
      answer: 'claimCoupon 403 user_mismatch',
      when: 'the token is that of another user',
      send: () => claim(url, 'owned', 'alice', { authorization: token }),
    },
    {
      answer: 'claimCoupon 409 already_claimed',
      when: 'a back end claims for the user',
      send: () => claim(url, 'owned', 'owner', { authorization: `Bearer ${KEY}` }),
    },
    {
      answer: 'getClaim 401 unauthorized',
      when: 'nothing is sent',
      send: () => get(`/api/claims/${claimId}`),
      headers: { 'www-authenticate': AUTHENTICATE },
    },
    {
      answer: 'getClaim 200',
      when: 'it is the claim of the user',
      send: () => get(`/api/claims/${claimId}`, { authorization: token }),
      body: { user_id: 'owner' },
    },
    {
      answer: 'releaseClaim 200',
      when: 'the API key is sent',
      send: () => remove(claimId, { authorization: `Bearer ${KEY}` }),
      body: { status: 'released', user_id: 'owner' },
    },
    {
      answer: 'getClaim 404 not_found',
      when: 'it is the claim of another',
      send: async () => {
        const { body } = await claim(url, 'owned', 'alice', { authorization: `Bearer ${KEY}` });
        return get(`/api/claims/${body.claim_id}`, { authorization: token });
      },
    },
  ];
  for (const row of rows) holds(row);
});

describe('a claim that is not decided in time, and its outcome', () => {
  onSystem({ workers: 0, env: { CLAIM_WAIT_MS: '200' } });
  const locations: string[] = [];
  const later = async (answer: Promise<Reply>): Promise<Reply> => {
    const reply = await answer;
    locations.push(reply.headers.get('location') ?? '');
    return reply;
  };
  const becomes = (index: number, status: string) => async (): Promise<Reply> => {
    let reply = await get(locations[index] as string);
    await until(async () => {
      reply = await get(locations[index] as string);
      return reply.body.status === status;
    });
    return reply;
  };

  const rows: Row[] = [
    {
      answer: 'claimCoupon 202',
      when: 'the wait is over',
      send: async () => later(claim(url, await couponWith('slow', 1, 0), 'first')),
      headers: { location: CLAIM_ADDRESS, 'retry-after': /^1$/ },
      body: { status: 'pending', code: 'pending', user_id: 'first', coupon_name: 'slow' },
    },
    {
      answer: 'claimCoupon 202',
      when: 'another waits as well',
      send: () => later(claim(url, 'slow', 'second')),
    },
    {
      answer: 'claimCoupon 202',
      when: 'no wait is preferred',
      send: () => claim(url, 'slow', 'third', { prefer: 'respond-async' }),
      headers: { location: CLAIM_ADDRESS, 'retry-after': /^1$/, 'preference-applied': /^respond-async$/ },
    },
    {
      answer: 'getClaim 200',
      when: 'it is pending',
      send: becomes(0, 'pending'),
      body: { status: 'pending', code: 'pending', user_id: 'first', coupon_name: 'slow' },
    },
    {
      answer: 'releaseClaim 409 claim_pending',
      when: 'it is pending',
      send: () => remove((locations[0] as string).replace('/api/claims/', '')),
      headers: { 'retry-after': /^1$/ },
    },
    {
      answer: 'getClaim 200',
      when: 'it was granted',
      send: async () => {
        await system.addWorker();
        return becomes(0, 'claimed')();
      },
      body: {
        message: 'coupon claimed successfully',
        ...{ status: 'claimed', code: 'claimed', user_id: 'first', coupon_name: 'slow' },
        claimed_at: expect.any(String),
      },
    },
    {
      answer: 'getClaim 200',
      when: 'it was refused',
      send: becomes(1, 'refused'),
      body: { status: 'refused', code: 'out_of_stock', user_id: 'second', coupon_name: 'slow' },
    },
    {
      answer: 'releaseClaim 202',
      when: 'the wait is over',
      send: async () => {
        await system.workers[0]?.stop();
        return remove((locations[0] as string).replace('/api/claims/', ''));
      },
      headers: { location: CLAIM_ADDRESS, 'retry-after': /^1$/ },
      body: { status: 'claimed', user_id: 'first' },
    },
    {
      answer: 'getClaim 404 not_found',
      when: 'nobody was given this id',
      send: () => get('/api/claims/nobody'),
      body: { title: 'The claim does not exist' },
    },
    {
      answer: 'getClaim 400 invalid_request',
      when: 'the id is too long to be one',
      send: () => get(`/api/claims/${'x'.repeat(65)}`),
      detail: /^claim_id must NOT have more than 64 characters/,
    },
  ];
  for (const row of rows) holds(row);
});

describe('more claims than an address may make', () => {
  onSystem({ workers: 1, env: { RATE_LIMIT_PER_ADDRESS: '2' } });
  const rows: Row[] = [
    {
      answer: 'claimCoupon 200',
      when: 'it is within the limit',
      send: async () => {
        await createCoupon(url, 'limited', 9);
        return claim(url, 'limited', 'first');
      },
      headers: limits(1),
    },
    {
      answer: 'claimCoupon 409 already_claimed',
      when: 'a refusal counts, too',
      send: () => claim(url, 'limited', 'first'),
      headers: limits(0),
    },
    {
      answer: 'claimCoupon 429 rate_limited',
      when: 'it is one too many',
      send: () => claim(url, 'limited', 'second'),
      headers: { ...limits(0), 'retry-after': IN_A_MINUTE },
      detail: 'More than 2 claims of this address in 60 s.',
    },
  ];
  for (const row of rows) holds(row);
});

describe('more claims than may wait', () => {
  onSystem({ workers: 0, env: { CLAIMS_PENDING_MAX: '1', CLAIM_WAIT_MS: '60000' } });
  const row: Row = {
    answer: 'claimCoupon 503 overloaded',
    when: 'another claim is undecided',
    send: async () => {
      expect((await claim(url, 'any', 'first', { prefer: 'respond-async' })).status).toBe(202);
      return claim(url, 'any', 'second');
    },
    headers: { 'retry-after': SECONDS },
    detail: 'nothing was done, and nothing will be',
    body: { done: 'nothing' },
  };
  holds(row);

  holds({
    answer: 'releaseClaim 503 overloaded',
    when: 'another claim is undecided',
    send: async () => {
      const { mongo } = system.stores;
      const coupon = await insertCoupon(mongo, 'any');
      const [stored] = await insertClaims(mongo, coupon, [1, 1]);
      return remove(stored?._id ?? '');
    },
    headers: { 'retry-after': SECONDS },
    detail: 'nothing was done, and nothing will be',
  });

  holds({
    answer: 'getClaim 503 overloaded',
    when: 'as many callers as may wait for the status of theirs',
    send: async () => {
      const refused: Reply[] = [];
      await until(async () => {
        const replies = await Promise.all(Array.from({ length: 50 }, () => get('/api/claims/any')));
        refused.push(...replies.filter(({ status }) => status === 503));
        return refused.length > 0;
      });
      return refused[0] as Reply;
    },
    headers: { 'retry-after': SECONDS },
    detail: 'Try again shortly',
  });
});

describe('a store that is down', () => {
  let stores: OwnStores;
  onSystem(async () => {
    stores = await openOwnStores();
    return { stores, workers: 0 };
  });
  const isUp = async (up: boolean) => (await get('/health')).status === (up ? 200 : 503);
  const unplugged = (store: 'redis' | 'mongo') => {
    beforeAll(async () => {
      await stores.proxies[store].disconnect();
      await until(() => isUp(false));
    });
    afterAll(async () => {
      await stores.proxies[store].reconnect();
      await until(() => isUp(true));
    });
  };
  const away = (operationId: string, send: Row['send'], detail: string): Row => ({
    answer: `${operationId} 503 unavailable`,
    when: 'it is down',
    send,
    headers: { 'retry-after': SECONDS },
    detail,
    body: { done: 'nothing' },
  });
  const silent = 'does not answer';

  describe('Redis', () => {
    unplugged('redis');
    const rows: Row[] = [
      away('claimCoupon', () => claim(url, 'any', 'user'), 'Redis does not answer. The request was not admitted'),
      { answer: 'getClaim 404 not_found', when: 'MongoDB knows', send: () => get('/api/claims/nobody') },
      away('getHealth', () => get('/health'), 'Down: Redis.'),
      away('getReadiness', () => get('/readyz'), 'Down: Redis.'),
      { answer: 'getLiveness 200', when: 'it lives all the same', send: () => get('/livez') },
    ];
    for (const row of rows) holds(row);
  });

  describe('MongoDB', () => {
    unplugged('mongo');
    const rows: Row[] = [
      away('claimCoupon', () => claim(url, 'any', 'user'), 'MongoDB does not answer. The request was not admitted'),
      away('createCoupon', () => post('/api/coupons', { name: 'n', amount: 1 }), silent),
      away('changeCoupon', () => call(`${url}/api/coupons/any`, 'PATCH', { paused: true }), silent),
      away('getCoupon', () => get('/api/coupons/any'), silent),
      away('getClaim', () => get('/api/claims/nobody'), silent),
      away('releaseClaim', () => remove('nobody'), silent),
      ...LISTS.map(([operationId, path]) => away(operationId, () => get(path), silent)),
      away('getHealth', () => get('/health'), 'Down: MongoDB.'),
      away('getReadiness', () => get('/readyz'), 'Down: MongoDB.'),
      { answer: 'getLiveness 200', when: 'it lives all the same', send: () => get('/livez') },
    ];
    for (const row of rows) holds(row);
  });
});

describe('no row is missing', () => {
  test('of what is promised: each answer, and one that bears its headers', () => {
    const isKept = ({ answer, headers }: DocumentedAnswer) =>
      answer in ELSEWHERE || provoked.get(answer)?.some((seen) => headers.every((name) => seen.has(name)));
    expect(DOCUMENTED_ANSWERS.filter((promise) => !isKept(promise))).toEqual([]);
  });

  test('of what is documented: all of it is promised, or a defect', () => {
    const answers = contract.answers();
    const promised = new Set(DOCUMENTED_ANSWERS.map(({ answer }) => answer));
    const isDefect = (answer: string) => answer.endsWith(' 500 internal_error');
    expect(answers.filter((answer) => !isDefect(answer) && !promised.has(answer))).toEqual([]);
    const ofCalls = [...promised].filter((answer) => !answer.startsWith('anyCall '));
    expect(ofCalls.filter((answer) => !answers.includes(answer))).toEqual([]);
    expect(answers.filter((answer) => isDefect(answer) && !provoked.has(answer)).sort()).toEqual(
      NO_DEFECT_KNOWN.sort(),
    );
  });

  test.each(Object.entries(ELSEWHERE))('%s: is brought about in %s', async (answer, file) => {
    expect(provoked.has(answer)).toBe(false);
    expect(await readFile(join(import.meta.dirname, '..', file), 'utf8')).toContain(answer.split(' ')[2]);
  });
});
