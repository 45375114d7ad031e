import { BODY_MAX_BYTES, CLAIMED_BY_MAX } from '@flashclaim/core';
import { ObjectId } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, type Reply } from '../support/caller.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { Contract } from '../support/openapi.ts';
import { type System, type SystemOptions, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/**
 * The contract, row by row: each answer that the document promises is provoked over HTTP, and held against the document.
 * A row is named as the document has it: the operation, the status, and the code of a problem.
 */
interface Row {
  answer: string;
  when: string;
  send: () => Promise<Reply>;
  /** Headers that must be there, beyond x-request-id. */
  headers?: string[];
  body?: object;
  detail?: string | RegExp;
}

/** Answers that no call can provoke by itself, and the tests that bring them about. */
const ELSEWHERE: Record<string, string> = {
  'claimCoupon 422 idempotency_key_reused': 'idempotency keys',
  'claimCoupon 429 rate_limited': 'rate limits',
  'claimCoupon 503 overloaded': 'waiting.test.ts',
  'claimCoupon 503 unavailable': 'outages',
  'createCoupon 503 unavailable': 'outages',
  'getCoupon 503 unavailable': 'outages',
  'getClaim 503 unavailable': 'outages',
  'getHealth 503 unavailable': 'outages',
  'getReadiness 503 unavailable': 'outages',
  'getMetrics 200': 'metrics.test.ts',
  // A defect that nobody knows of; the same error handler answers where one is made below.
  'claimCoupon 500 internal_error': 'none',
  'getHealth 500 internal_error': 'none',
  'getLiveness 500 internal_error': 'none',
  'getReadiness 500 internal_error': 'none',
  'getMetrics 500 internal_error': 'none',
  'getOpenapi 500 internal_error': 'none',
};

const TOKEN = 'a token for tests';
const JSON_HEADERS = { 'content-type': 'application/json' };
const TEXT_HEADERS = { 'content-type': 'text/plain' };

let system: System;
let url: string;
let contract: Contract;
const provoked = new Set<string>();

/** What the processes say. */
const log: string[] = [];

const onSystem = (options: SystemOptions) => {
  beforeAll(async () => {
    system = await startSystem({ ...options, output: (line) => log.push(line) });
    url = system.urls[0] as string;
    contract = await Contract.read(url);
  });
  afterAll(() => system?.close());
};

const holds = ({ answer, when, send, headers = [], body, detail }: Row) =>
  test(`${answer}: ${when}`, async () => {
    const reply = await send();
    const [operationId = '', status, code] = answer.split(' ');
    expect(contract.faultsOf(operationId, reply)).toEqual([]);
    expect(reply.status).toBe(Number(status));
    if (code) expectProblem(reply, code as never, detail);
    for (const header of ['x-request-id', ...headers]) expect(reply.headers.get(header)).toBeTruthy();
    if (body) expect(reply.body).toMatchObject(body);
    if (code === 'internal_error') await until(async () => log.some((line) => tellsOf(line, reply.body.request_id)));
    provoked.add(answer);
  });

const tellsOf = (line: string, id: string) => line.includes(`"request_id":"${id}"`) && line.includes('a defect');

const post = (path: string, body: unknown, headers = {}) => call(url + path, 'POST', body, headers);
const get = (path: string, headers = {}) => call(url + path, 'GET', undefined, headers);
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
        headers: ['location'],
        body: {
          name: 'café',
          amount: 2_147_483_647,
          remaining_amount: 2_147_483_647,
          claimed_by: [],
          claimed_count: 0,
        },
      },
      {
        answer: 'createCoupon 201',
        when: 'there are fields that nobody knows',
        send: () => create({ name: 'more', amount: 1, colour: 'red' }),
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
        detail: '$inc is not a field that may be sent.',
      },
      {
        answer: 'createCoupon 400 invalid_request',
        when: 'there is no body',
        send: () => create(undefined),
        detail: 'the body must be of type object.',
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
        detail: 'The body is no',
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

  describe('claiming', () => {
    const rows: Row[] = [
      {
        answer: 'claimCoupon 200',
        when: 'a unit remains',
        send: async () => claim(url, await couponWith('free', 2, 1), 'zoe\u0308'),
        body: { message: 'coupon claimed successfully', user_id: 'zoë', coupon_name: 'free' },
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
      { answer: 'getCoupon 200', when: 'it is there', send: () => get(path), headers: ['etag'], body: whole },
      {
        answer: 'getCoupon 200',
        when: 'few users are asked for: the count stays true',
        send: () => get(`${path}?limit=2`),
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
        headers: ['etag'],
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
      })),
      {
        answer: 'getCoupon 400 invalid_request',
        when: 'the name is too long to be one',
        send: () => get(`/api/coupons/${'x'.repeat(256)}`),
        detail: /^name must be 1 to 255 characters/,
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

  describe('the service itself', () => {
    const rows: Row[] = [
      { answer: 'getHealth 200', when: 'all parts are up', send: () => get('/health'), body: { status: 'ok' } },
      { answer: 'getLiveness 200', when: 'it answers', send: () => get('/livez'), body: { status: 'ok' } },
      { answer: 'getReadiness 200', when: 'it can take claims', send: () => get('/readyz'), body: { status: 'ok' } },
      { answer: 'getOpenapi 200', when: 'always', send: () => get('/openapi.json'), body: { openapi: '3.1.0' } },
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
        answer: 'createCoupon 500 internal_error',
        when: 'the database refuses what is right',
        send: async () => {
          const rule = { collMod: 'coupons', validator: { name: 'nobody' } };
          await system.stores.mongo.db.command(rule);
          return post('/api/coupons', { name: 'refused', amount: 1 });
        },
        detail: 'request id',
      },
    ];
    for (const row of rows) holds(row);
  });
});

describe('creating a coupon, once there is a token', () => {
  onSystem({ workers: 0, env: { ADMIN_TOKEN: TOKEN } });
  const rows: Row[] = [
    {
      answer: 'createCoupon 401 unauthorized',
      when: 'it is not sent, whatever else is wrong',
      send: () => post('/api/coupons', '{', TEXT_HEADERS),
      headers: ['www-authenticate'],
    },
    {
      answer: 'createCoupon 201',
      when: 'it is sent',
      send: () => post('/api/coupons', { name: 'n', amount: 1 }, { authorization: `Bearer ${TOKEN}` }),
    },
  ];
  for (const row of rows) holds(row);
});

describe('a claim that is not decided in time, and what becomes of it', () => {
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
      headers: ['location', 'retry-after'],
      body: { status: 'pending', code: 'pending', user_id: 'first', coupon_name: 'slow' },
    },
    {
      answer: 'claimCoupon 202',
      when: 'another waits as well',
      send: () => later(claim(url, 'slow', 'second')),
    },
    {
      answer: 'getClaim 200',
      when: 'it is pending',
      send: becomes(0, 'pending'),
      body: { status: 'pending', code: 'pending', user_id: 'first', coupon_name: 'slow' },
    },
    {
      answer: 'getClaim 200',
      when: 'it was granted',
      send: async () => {
        await system.addWorker();
        return becomes(0, 'claimed')();
      },
      body: { status: 'claimed', code: 'claimed', user_id: 'first', coupon_name: 'slow' },
    },
    {
      answer: 'getClaim 200',
      when: 'it was refused',
      send: becomes(1, 'refused'),
      body: { status: 'refused', code: 'out_of_stock', user_id: 'second', coupon_name: 'slow' },
    },
    {
      answer: 'getClaim 404 not_found',
      when: 'nobody was given this id',
      send: () => get('/api/claims/nobody'),
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

test('every documented answer has a row above, or is brought about elsewhere', () => {
  const answers = contract.answers();
  expect(answers.filter((answer) => !provoked.has(answer) && !(answer in ELSEWHERE))).toEqual([]);
  expect(Object.keys(ELSEWHERE).filter((answer) => provoked.has(answer) || !answers.includes(answer))).toEqual([]);
});
