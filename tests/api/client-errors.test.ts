import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answerClientError } from '@flashclaim/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectProblem } from '../support/expect-problem.ts';
import { callRaw, parseReply } from '../support/raw-caller.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
let url: string;
const log: string[] = [];
beforeAll(async () => {
  system = await startSystem({ workers: 0, env: { LOG_LEVEL: 'debug' }, output: (line) => log.push(line) });
  url = system.urls[0] as string;
});
afterAll(() => system?.close());

const POST = 'POST /api/coupons HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';

describe('what is no HTTP request is answered with a problem, and the connection ends', () => {
  test.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['a version from the future', 'GET /health HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['a length that is no number', `${POST}Content-Length: five\r\n\r\n`],
    ['two lengths', `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a length and chunks', `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['a chunk without a size', `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
    ['a header without a name', 'GET /health HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    const reply = parseReply(await callRaw(url, bytes));
    expectProblem(reply, 'invalid_request', 'no HTTP request');
    expect(reply.headers.get('connection')).toBe('close');
  });

  test.each([20_000, 3_000_000])('headers of %i characters', async (length) => {
    const bytes = `GET /health HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(length)}\r\n\r\n`;
    expectProblem(parseReply(await callRaw(url, bytes)), 'headers_too_large');
  });

  test('its id stands in the log', async () => {
    const { body } = parseReply(await callRaw(url, 'nonsense\r\n\r\n'));
    await until(async () => log.some((line) => line.includes(body.request_id) && line.includes('could not be read')));
  });
});

test('a request without Host is refused, one of HTTP/1.0 needs none', async () => {
  const ending = '\r\nConnection: close\r\n\r\n';
  expectProblem(parseReply(await callRaw(url, `GET /health HTTP/1.1${ending}`)), 'invalid_request', 'Host');
  expect(parseReply(await callRaw(url, `GET /health HTTP/1.0${ending}`)).status).toBe(200);
});

test('an expectation that nobody knows is ignored', async () => {
  const received = await callRaw(url, 'GET /health HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nConnection: close\r\n\r\n');
  expect(parseReply(received)).toMatchObject({ status: 200, body: { status: 'ok' } });
});

test('an earlier request on the connection is not answered with what is wrong with a later one', async () => {
  const received = await callRaw(url, 'GET /health HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n');
  expect(received).not.toContain('400');
});

test('a request that does not arrive in time', async () => {
  const server = createServer({ requestTimeout: 50, headersTimeout: 50, connectionsCheckingInterval: 10 });
  server.on('clientError', (error, socket) =>
    answerClientError(error as Parameters<typeof answerClientError>[0], socket as never, { debug: () => {} }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const received = await callRaw(`http://127.0.0.1:${port}`, 'GET /health HTTP/1.1\r\nHost: ');
  expectProblem(parseReply(received), 'request_timeout');
  server.close();
});
