import { describe, expect, test } from 'vitest';
import { expectProblem } from '../../support/expect-problem.ts';
import { exchange, RawConnection, rawRequest } from '../../support/raw-connection.ts';
import { expectNoJobs, systemForFile } from '../../support/system-for-file.ts';

const BODY = '{"user_id":"user","coupon_name":"framing"}';
const JSON_TYPE = 'Content-Type: application/json';
const target = systemForFile();

const claimHead = (...headers: string[]): string =>
  rawRequest('POST /api/coupons/claim HTTP/1.1', JSON_TYPE, ...headers);
const chunked = (...lines: string[]): string => claimHead('Transfer-Encoding: chunked') + lines.join('\r\n');
const length = `Content-Length: ${BODY.length}`;

describe('a request whose end two readers could see in two places', () => {
  expectNoJobs(target);

  test.each([
    ['Content-Length and Transfer-Encoding', `${claimHead(length, 'Transfer-Encoding: chunked')}0\r\n\r\n${BODY}`],
    ['the other way round', `${claimHead('Transfer-Encoding: chunked', length)}0\r\n\r\n${BODY}`],
    ['two lengths', claimHead(length, 'Content-Length: 5') + BODY],
    ['a length twice', claimHead(length, length) + BODY],
    ['a list of lengths', claimHead(`Content-Length: ${BODY.length}, ${BODY.length}`) + BODY],
    ['a length below zero', claimHead('Content-Length: -1') + BODY],
    ['a length with a sign', claimHead(`Content-Length: +${BODY.length}`) + BODY],
    ['a length in hex', claimHead('Content-Length: 0x2a') + BODY],
    ['a length that no integer holds', claimHead('Content-Length: 99999999999999999999999') + BODY],
    ['Transfer-Encoding: identity', claimHead('Transfer-Encoding: identity') + BODY],
    ['chunked, but not at the end', `${claimHead('Transfer-Encoding: chunked, identity')}2a\r\n${BODY}\r\n0\r\n\r\n`],
    ['an encoding before chunked', `${claimHead('Transfer-Encoding: gzip, chunked')}2a\r\n${BODY}\r\n0\r\n\r\n`],
    ['a chunk size that is no number', chunked('zz', BODY, '0', '', '')],
    ['a chunk size that no integer holds', chunked('fffffffffffffffffff', BODY, '0', '', '')],
    ['a chunk size below zero', chunked('-1', BODY, '0', '', '')],
    ['a chunk that is longer than it says', chunked('5', BODY, '0', '', '')],
    ['a chunk whose line ends in LF', chunked(`2a\n${BODY}`, '0', '', '')],
  ])('%s', async (_, bytes) => {
    expectProblem(await exchange(target.url, bytes), 'invalid_request');
  });

  test.each([
    ['over two lines', 'X-A: a\r\n b'],
    ['with NUL', 'X-A: a\0b'],
    ['with a lone CR', 'X-A: a\rb'],
    ['with a blank before the colon', 'X-A : a'],
    ['without a name', ': a'],
    ['without a colon', 'X-A'],
    ['that begins with a blank', ' X-A: a'],
  ])('a header %s', async (_, header) => {
    expectProblem(await exchange(target.url, claimHead(header, length), BODY), 'invalid_request');
  });

  test('lines that end in LF', async () => {
    const bytes = claimHead(length).replaceAll('\r\n', '\n') + BODY;
    expectProblem(await exchange(target.url, bytes), 'invalid_request');
  });

  test.each([
    ['no Host', `GET /health HTTP/1.1\r\n\r\n`],
    ['two Hosts', `GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`],
  ])('%s', async (_, bytes) => {
    expectProblem(await exchange(target.url, bytes), 'invalid_request', /Host/);
  });
});

describe('what is no HTTP', () => {
  expectNoJobs(target);

  test.each([
    ['TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03'],
    ['text', 'hello\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method that nobody knows', rawRequest('CLAIM /health HTTP/1.1')],
    ['a version that is none', rawRequest('GET /health HTTP/x')],
    ['an address with a blank', rawRequest('GET /a b HTTP/1.1')],
    ['an address that is not escaped', rawRequest('GET /api/coupons/é HTTP/1.1')],
    ['zeros', '\0'.repeat(1_000)],
  ])('%s', async (_, bytes) => {
    expectProblem(await exchange(target.url, Buffer.from(bytes, 'latin1')), 'invalid_request');
  });

  test('blank lines before a request are allowed', async () => {
    expect((await exchange(target.url, `\r\n\r\n${rawRequest('GET /health HTTP/1.1')}`)).status).toBe(200);
  });
});

describe('a head that is too large', () => {
  expectNoJobs(target);

  test.each([
    ['one huge header', claimHead(`X-A: ${'a'.repeat(70_000)}`, length)],
    ['10,000 headers', claimHead(...Array(10_000).fill('x: y'), length)],
    ['a thousand small ones: none is dropped in silence', claimHead(...Array(1_000).fill('a:'), length)],
    ['a huge address', rawRequest(`GET /${'a'.repeat(70_000)} HTTP/1.1`)],
  ])('%s', async (_, head) => {
    expectProblem(await exchange(target.url, head, BODY), 'headers_too_large');
  });
});

test('four hundred headers are not too many', async () => {
  const headers = Array.from({ length: 400 }, (_, i) => `x${i}: y`);
  expect((await exchange(target.url, claimHead(...headers, length), BODY)).body.code).toBe('coupon_not_found');
});

describe('a body that is not what was announced', () => {
  expectNoJobs(target);

  test('a gigabyte: refused before it is sent', async () => {
    const reply = await exchange(target.url, claimHead('Content-Length: 1000000000'), BODY);
    expectProblem(reply, 'payload_too_large', /bytes/);
  });

  test('too large in chunks: refused once it is', async () => {
    const connection = await RawConnection.open(target.url);
    connection.send(claimHead('Transfer-Encoding: chunked'));
    for (let i = 0; i < 5; i++) connection.send('1000\r\n', 'x'.repeat(0x1000), '\r\n');
    expectProblem(await connection.nextReply(), 'payload_too_large', /bytes/);
    await connection.closed;
  });

  test.each([
    ['of a length', claimHead(length)],
    ['of chunks', `${claimHead('Transfer-Encoding: chunked')}2a\r\n`],
  ])('cut short by the end of the connection, %s', async (_, head) => {
    const connection = await RawConnection.open(target.url);
    connection.send(head, BODY.slice(0, -1));
    connection.halfClose();
    expectProblem(await connection.nextReply(), 'invalid_request');
    await connection.closed;
  });
});

test('chunks, with an extension and a trailer', async () => {
  const half = BODY.length / 2;
  const size = half.toString(16);
  const bytes = chunked(`${size};why=not`, BODY.slice(0, half), size, BODY.slice(half), '0', 'X-Trailer: x', '', '');
  expect((await exchange(target.url, bytes)).body.code).toBe('coupon_not_found');
});
