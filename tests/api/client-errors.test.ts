import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectProblem } from '../support/expect-problem.ts';
import { exchange, RawConnection } from '../support/raw-connection.ts';
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

const POST = 'POST /api/coupons HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

/** More such bytes are in `hardening/framing.test.ts`. */
describe('what is no HTTP request is answered with a problem, and the connection ends', () => {
  test.each([
    ['nonsense', 'nonsense\r\n\r\n'],
    ['a version from the future', 'GET /health HTTP/9.9\r\nHost: a\r\n\r\n'],
    ['a length that is no number', `${POST}Content-Length: five\r\n\r\n`],
    ['a chunk without a size', `${POST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ])('%s', async (_, bytes) => {
    const connection = await RawConnection.open(url);
    connection.send(bytes);
    const reply = await connection.nextReply();
    expectProblem(reply, 'invalid_request', 'not a valid HTTP request');
    expect(reply.headers.get('connection')).toBe('close');
    await connection.closed;
    expect(connection.rest).toBe('');
  });

  test.each([20_000, 3_000_000])('headers of %i characters', async (length) => {
    const bytes = `GET /health HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(length)}\r\n\r\n`;
    expectProblem(await exchange(url, bytes), 'headers_too_large');
  });

  test('its id stands in the log', async () => {
    const { body } = await exchange(url, 'nonsense\r\n\r\n');
    await until(async () => log.some((line) => line.includes(body.request_id) && line.includes('could not be read')));
  });
});
