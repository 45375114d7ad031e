import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { BODY_MAX_BYTES } from '@flashclaim/core';
import { describe, expect, test } from 'vitest';
import { claim, createCoupon, readCoupon } from '../../support/call-api.ts';
import { expectProblem } from '../../support/expect-problem.ts';
import { exchange, rawPost, rawRequest } from '../../support/raw-connection.ts';
import { expectNoJobs, systemForFile } from '../../support/system-for-file.ts';

const CLAIM = '/api/coupons/claim';
const COUPONS = '/api/coupons';
const target = systemForFile();

/** Sends a body, byte for byte. A string stands for bytes of the same numbers. */
const post = (path: string, body: string | Uint8Array, ...headers: string[]) =>
  exchange(target.url, rawPost(path, typeof body === 'string' ? Buffer.from(body, 'latin1') : body, ...headers));

/** A claim that would be taken, were it not for what is done to it. */
const CLAIM_BODY = '{"user_id":"user","coupon_name":"bodies"}';

describe('bytes that are no UTF-8', () => {
  expectNoJobs(target);

  test.each([
    ['Latin-1', 'caf\xe9'],
    ['a byte that never occurs', '\xff'],
    ['a character cut short', '\xf0\x9f\x8e'],
    ['a slash in more bytes than it needs', '\xc0\xaf'],
    ['a surrogate pair as two characters', '\xed\xa0\xbc\xed\xbe\x9f'],
    ['a code point beyond the last', '\xf4\x90\x80\x80'],
    ['a continuation of nothing', '\x80'],
    ['next to a true U+FFFD', '\xef\xbf\xbd\xff'],
  ])('%s, in a name: refused, and no U+FFFD is made of it', async (_, name) => {
    expectProblem(await post(COUPONS, `{"name":"${name}","amount":1}`), 'invalid_request', /UTF-8/);
    expectProblem(await post(CLAIM, `{"user_id":"${name}","coupon_name":"bodies"}`), 'invalid_request', /UTF-8/);
    expect(await target.system.stores.mongo.coupons.countDocuments()).toBe(0);
  });

  test('anywhere in the body', async () => {
    expectProblem(await post(CLAIM, `${CLAIM_BODY.slice(0, -1)},"x":"\xff"}`), 'invalid_request', /UTF-8/);
  });
});

test('a character that is split over two chunks is what it was', async () => {
  const body = Buffer.from('{"name":"split 🎟","amount":1}');
  const at = body.indexOf(0x9f);
  const chunks = [body.subarray(0, at), body.subarray(at), Buffer.alloc(0)].flatMap((chunk) => [
    `${chunk.length.toString(16)}\r\n`,
    chunk,
    '\r\n',
  ]);
  const head = rawRequest(`POST ${COUPONS} HTTP/1.1`, 'Content-Type: application/json', 'Transfer-Encoding: chunked');
  expect((await exchange(target.url, head, ...chunks)).body).toMatchObject({ name: 'split 🎟' });
});

test('U+FFFD that was sent is a character like any other', async () => {
  await createCoupon(target.url, 'a\ufffdb', 1);
  expect((await claim(target.url, 'a\ufffdb', '\ufffd')).body).toMatchObject({ user_id: '\ufffd' });
  expect(await readCoupon(target.url, 'a\ufffdb')).toMatchObject({ claimed_by: ['\ufffd'] });
});

describe('another charset or encoding', () => {
  expectNoJobs(target);

  test.each(['utf-16', 'UTF-16LE', 'latin1', 'iso-8859-1', '"windows-1252"', 'utf-8; charset=utf-16', ''])(
    'charset=%s',
    async (charset) => {
      const reply = await post(CLAIM, CLAIM_BODY, `Content-Type: application/json; charset=${charset}`);
      expectProblem(reply, 'unsupported_media_type', /UTF-8/);
    },
  );

  test('UTF-16 that does not say so', async () => {
    expectProblem(await post(CLAIM, Buffer.from(`\ufeff${CLAIM_BODY}`, 'utf16le')), 'invalid_request', /UTF-8/);
    expectProblem(await post(CLAIM, Buffer.from(CLAIM_BODY, 'utf16le')), 'invalid_request', /JSON/);
  });

  test.each([
    ['gzip', gzipSync(CLAIM_BODY)],
    ['GZIP', gzipSync(CLAIM_BODY)],
    ['deflate', deflateSync(CLAIM_BODY)],
    ['br', brotliCompressSync(CLAIM_BODY)],
    ['gzip, gzip', gzipSync(gzipSync(CLAIM_BODY))],
    ['gzip', gzipSync('x'.repeat(10_000_000))],
    ['br', Buffer.from(CLAIM_BODY)],
  ])('Content-Encoding: %s', async (encoding, body) => {
    const reply = await post(CLAIM, body, `Content-Encoding: ${encoding}`);
    expectProblem(reply, 'unsupported_media_type', /Content-Encoding/);
  });

  test.each(['text/json', 'application/problem+json', 'application/*', '*/*', 'json', 'multipart/form-data', ''])(
    'Content-Type: %s',
    async (type) => {
      const reply = await post(CLAIM, CLAIM_BODY, `Content-Type: ${type}`);
      expectProblem(reply, 'unsupported_media_type', /application\/json/);
    },
  );

  test('two types', async () => {
    const types = ['Content-Type: application/json', 'Content-Type: text/plain'];
    expectProblem(await post(CLAIM, CLAIM_BODY, ...types), 'unsupported_media_type', /application\/json/);
  });
});

describe('other spellings of UTF-8 JSON are taken', () => {
  test.each([
    ['a charset', ['Content-Type: application/json; charset=UTF-8'], CLAIM_BODY],
    ['a quoted charset', ['Content-Type: application/json;charset="utf-8"'], CLAIM_BODY],
    ['capitals', ['CONTENT-TYPE: APPLICATION/JSON'], CLAIM_BODY],
    ['the encoding that is none', ['Content-Encoding: identity'], CLAIM_BODY],
    ['one byte order mark', [], `\xef\xbb\xbf${CLAIM_BODY}`],
    ['blanks and line breaks', [], ` \r\n\t${CLAIM_BODY}\r\n `],
    ['escapes', [], '{"\\u0075ser_id":"\\u0075","coupon_name":"bodies"}'],
    ['a key twice: the last one counts', [], '{"user_id":5,"coupon_name":"x","user_id":"u","coupon_name":"bodies"}'],
  ])('%s', async (_, headers, body) => {
    expect(await post(CLAIM, body, ...headers)).toMatchObject({ status: 404, body: { code: 'coupon_not_found' } });
  });
});

describe('JSON that is none, or not what is asked for', () => {
  expectNoJobs(target);

  test.each([
    ['10,000 levels, not closed', '['.repeat(10_000), /JSON/],
    ['3,000 objects in each other, not closed', '{"a":'.repeat(3_000), /JSON/],
    ['8,000 levels', `${'['.repeat(8_000)}${']'.repeat(8_000)}`, 'the body must be of type object'],
    [
      '8,000 levels as a user',
      `{"coupon_name":"c","user_id":${'['.repeat(8_000)}${']'.repeat(8_000)}}`,
      /^user_id must/,
    ],
    ['two byte order marks', `\xef\xbb\xbf\xef\xbb\xbf${CLAIM_BODY}`, /JSON/],
    ['a byte order mark alone', '\xef\xbb\xbf', /JSON/],
    ['something after it', `${CLAIM_BODY}x`, /JSON/],
    ['NUL after it', `${CLAIM_BODY}\0`, /JSON/],
    ['two of it', CLAIM_BODY + CLAIM_BODY, /JSON/],
    ['a comment', `/**/${CLAIM_BODY}`, /JSON/],
    ['a comma at the end', '{"user_id":"u","coupon_name":"bodies",}', /JSON/],
    ['single quotes', CLAIM_BODY.replaceAll('"', "'"), /JSON/],
    ['a tab in a name', '{"user_id":"a\tb","coupon_name":"bodies"}', /JSON/],
    ['a key twice: the last one is wrong', '{"user_id":"u","user_id":5,"coupon_name":"bodies"}', /^user_id must/],
    ['half a pair, escaped', '{"user_id":"\\ud800","coupon_name":"bodies"}', /^user_id must/],
    ['the other half', '{"user_id":"a\\udc00","coupon_name":"bodies"}', /^user_id must/],
    ['a pair the wrong way round', '{"user_id":"\\udf9f\\ud83c","coupon_name":"bodies"}', /^user_id must/],
    ['NUL, escaped', '{"user_id":"a\\u0000","coupon_name":"bodies"}', /^user_id must/],
    ['a number too large for any', '{"user_id":1e400,"coupon_name":"bodies"}', /^user_id must/],
    ['an object with a length', '{"user_id":{"length":3},"coupon_name":"bodies"}', /^user_id must/],
    ['an object that says it is text', '{"user_id":{"toString":"u"},"coupon_name":"bodies"}', /^user_id must/],
    ['a list of one', '{"user_id":["u"],"coupon_name":"bodies"}', /^user_id must/],
  ])('%s', async (_, body, detail) => {
    expectProblem(await post(CLAIM, body), 'invalid_request', detail);
  });

  test.each([
    ['__proto__', '{"__proto__":{"polluted":1},'],
    ['__proto__, escaped', '{"\\u005f\\u005fproto__":{"polluted":1},'],
    ['__proto__, deep', '{"a":[{"__proto__":{"polluted":1}}],'],
    ['constructor.prototype', '{"constructor":{"prototype":{"polluted":1}},'],
  ])('%s: refused, and nothing else has it', async (_, start) => {
    expectProblem(await post(CLAIM, start + CLAIM_BODY.slice(1)), 'invalid_request', /__proto__/);
    expect((await post(CLAIM, '{"user_id":"u"}')).body).toMatchObject({ detail: 'coupon_name is missing.' });
  });

  test('a body of one byte too many, and of all that may be', async () => {
    const body = (length: number) => `{"user_id":5,"x":"${'x'.repeat(length - 20)}"}`;
    expect(body(BODY_MAX_BYTES)).toHaveLength(BODY_MAX_BYTES);
    expectProblem(await post(CLAIM, body(BODY_MAX_BYTES)), 'invalid_request', 'coupon_name is missing');
    expectProblem(await post(CLAIM, body(BODY_MAX_BYTES + 1)), 'payload_too_large', String(BODY_MAX_BYTES));
  });
});

describe('fields that are not allowed', () => {
  expectNoJobs(target);
  const withFields = (fields: string) => `${CLAIM_BODY.slice(0, -1)},${fields}}`;

  test.each([
    ['an operator', '"$gt":""', '#/$gt', '$gt'],
    ['what every object has', '"constructor":"me"', '#/constructor', 'constructor'],
    ['a typo', '"user-id":"u"', '#/user-id', 'user-id'],
    ['a field in another case', '"User_id":"u"', '#/User_id', 'User_id'],
    ['a name that is empty', '"":1', '#/', '""'],
    ['a name with what a pointer escapes', '"a/b~c#d%e":1', '#/a~1b~0c%23d%25e', '"a/b~c#d%e"'],
    ['half a pair, escaped', '"\\ud800":1', '#/%EF%BF%BD', '"\\ud800"'],
    ['8,000 levels', `"a":${'['.repeat(8_000)}${']'.repeat(8_000)}`, '#/a', 'a'],
  ])('%s: named', async (_, field, pointer, name) => {
    const reply = await post(CLAIM, withFields(field));
    const detail = `${name} is not an allowed field.`;
    expectProblem(reply, 'invalid_request');
    expect(reply.body).toMatchObject({ detail, errors: [{ pointer, detail }] });
  });

  test('2,000 of them: the first 16 are named', async () => {
    const fields = Array.from({ length: 2_000 }, (_, i) => `"${i.toString(36)}":1`).join(',');
    const reply = await post(CLAIM, withFields(fields));
    expectProblem(reply, 'invalid_request', '0 is not an allowed field.');
    expect(reply.body.errors).toHaveLength(16);
  });

  test('one with a long name: its name is shortened', async () => {
    const reply = await post(CLAIM, withFields(`"${'x'.repeat(10_000)}":1`));
    expectProblem(reply, 'invalid_request', /^"x{100}" is not an allowed field\.$/);
  });
});

describe('amounts', () => {
  test.each([
    '1e400',
    '-1e400',
    '-0',
    '0',
    '1e-400',
    '"5"',
    '2147483648',
    '9007199254740993',
    '1'.repeat(400),
    '[5]',
    '5.5',
  ])('%s is none', async (amount) => {
    const reply = await post(COUPONS, `{"name":"amount","amount":${amount}}`);
    expectProblem(reply, 'invalid_request', /^amount must/);
    expect(await target.system.stores.mongo.coupons.countDocuments({ name: 'amount' })).toBe(0);
  });

  test.each(['05', '+5', '0x5', '.5', '5.', 'NaN', 'Infinity', '5,', '5_0'])('%s is no JSON', async (amount) => {
    expectProblem(await post(COUPONS, `{"name":"amount","amount":${amount}}`), 'invalid_request', /JSON/);
  });

  // A number of JSON is what a double makes of it.
  test.each([
    ['5.0', 5],
    ['5e0', 5],
    ['50e-1', 5],
    ['2147483647', 2_147_483_647],
    ['5.00000000000000000000001', 5],
  ])('%s is %i', async (amount, expected) => {
    const reply = await post(COUPONS, `{"name":"amount ${amount}","amount":${amount}}`);
    expect(reply).toMatchObject({ status: 201, body: { amount: expected, remaining_amount: expected } });
  });
});
