import { describe, expect, test } from 'vitest';
import { createCoupon, readCoupon } from '../../support/call-api.ts';
import { exchange, RawConnection, rawPost, rawRequest } from '../../support/raw-connection.ts';
import { systemForFile } from '../../support/system-for-file.ts';
import { until } from '../../support/until.ts';

const target = systemForFile();

const claimOf = (user_id: string, coupon_name: string, ...headers: string[]): Buffer =>
  rawPost('/api/coupons/claim', JSON.stringify({ user_id, coupon_name }), ...headers);
const HEALTH = rawRequest('GET /health HTTP/1.1');

const readReplies = async (connection: RawConnection, count: number) => {
  const replies = [];
  for (let i = 0; i < count; i++) replies.push(await connection.nextReply());
  return replies;
};

describe('requests in one segment', () => {
  test('ten claims are answered in their order, each truly', async () => {
    await createCoupon(target.url, 'pipe', 4);
    await createCoupon(target.url, 'other pipe', 1);
    const asked: [string, string, number, string][] = [
      ['a', 'pipe', 200, ''],
      ['b', 'pipe', 200, ''],
      ['a', 'pipe', 409, 'already_claimed'],
      ['a', 'no pipe', 404, 'coupon_not_found'],
      ['a', 'other pipe', 200, ''],
      ['', 'pipe', 400, 'invalid_request'],
      ['b', 'other pipe', 400, 'out_of_stock'],
      ['c', 'pipe', 200, ''],
      ['d', 'pipe', 200, ''],
      ['e', 'pipe', 400, 'out_of_stock'],
    ];
    const connection = await RawConnection.open(target.url);
    connection.send(...asked.map(([user, coupon]) => claimOf(user, coupon)));
    for (const [user_id, coupon_name, status, code] of asked) {
      const reply = await connection.nextReply();
      expect(reply).toMatchObject({ status, body: code ? { code } : { user_id, coupon_name } });
    }
    expect(connection.rest).toBe('');
    connection.hangUp();
    expect((await readCoupon(target.url, 'pipe')).claimed_by).toEqual(['a', 'b', 'c', 'd']);
    expect((await readCoupon(target.url, 'other pipe')).claimed_by).toEqual(['a']);
  });

  test('a thousand', async () => {
    await createCoupon(target.url, 'long pipe', 700);
    const users = Array.from({ length: 1_000 }, (_, i) => `user-${i}`);
    const connection = await RawConnection.open(target.url);
    connection.send(...users.map((user) => claimOf(user, 'long pipe')));
    const replies = await readReplies(connection, users.length);
    connection.hangUp();
    const claimed = replies.flatMap(({ status, body }) => (status === 200 ? [body.user_id] : []));
    expect(claimed).toEqual(users.filter((_, i) => replies[i]?.status === 200));
    expect(claimed).toHaveLength(700);
    const { claimed_by, remaining_amount } = await readCoupon(target.url, 'long pipe');
    expect(remaining_amount).toBe(0);
    expect(claimed_by.toSorted()).toEqual(claimed.toSorted());
  });

  test.each([
    ['garbage', 'garbage\r\n\r\n'],
    ['CONNECT', rawRequest('CONNECT elsewhere.example:80 HTTP/1.1')],
  ])('claims that wait are not answered with what is wrong with %s behind them, and decided', async (what, bytes) => {
    const name = `before ${what}`;
    await createCoupon(target.url, name, 2);
    const connection = await RawConnection.open(target.url);
    connection.send(claimOf('a', name), claimOf('b', name), bytes);
    await connection.closed;
    expect(connection.rest).toBe('');
    await until(async () => (await readCoupon(target.url, name)).claimed_by.join() === 'a,b');
  });
});

describe('a caller who has closed their side', () => {
  test('is answered', async () => {
    await createCoupon(target.url, 'half', 2);
    const connection = await RawConnection.open(target.url);
    connection.send(claimOf('a', 'half'), claimOf('b', 'half'));
    connection.halfClose();
    const replies = await readReplies(connection, 2);
    expect(replies.map(({ body }) => body.user_id)).toEqual(['a', 'b']);
    await connection.closed;
    expect(connection.rest).toBe('');
  });

  test.each([
    ['without a request', ''],
    ['after blank lines', '\r\n\r\n'],
  ])('%s: the connection ends', async (_, bytes) => {
    const connection = await RawConnection.open(target.url);
    connection.send(bytes);
    connection.halfClose();
    await connection.closed;
    expect(connection.rest).toBe('');
  });

  test('after an answer: the connection ends', async () => {
    const connection = await RawConnection.open(target.url);
    connection.send(HEALTH);
    expect((await connection.nextReply()).status).toBe(200);
    connection.halfClose();
    await connection.closed;
  });
});

describe('how long a connection lasts', () => {
  test.each([
    ['HTTP/1.1', rawRequest('GET /health HTTP/1.1')],
    ['HTTP/1.0 that asks for it', rawRequest('GET /health HTTP/1.0', 'Connection: keep-alive')],
    ['HTTP/1.1 after a problem', rawRequest('GET /api/coupons/missing HTTP/1.1')],
    ['HTTP/1.1 after a claim of the wrong shape', rawPost('/api/coupons/claim', '{}')],
  ])('%s: it serves the next request', async (_, bytes) => {
    const connection = await RawConnection.open(target.url);
    connection.send(bytes);
    await connection.nextReply();
    connection.send(HEALTH);
    expect((await connection.nextReply()).body).toEqual({ status: 'ok' });
    connection.hangUp();
  });

  test.each([
    ['HTTP/1.1 with Connection: close', rawRequest('GET /health HTTP/1.1', 'Connection: close')],
    ['CONNECTION: CLOSE', rawRequest('GET /health HTTP/1.1', 'CONNECTION: CLOSE')],
    ['HTTP/1.0', rawRequest('GET /health HTTP/1.0')],
    ['HTTP/1.0 without Host', 'GET /health HTTP/1.0\r\n\r\n'],
  ])('%s: it ends with the answer', async (_, bytes) => {
    const connection = await RawConnection.open(target.url);
    connection.send(bytes);
    const reply = await connection.nextReply();
    expect(reply).toMatchObject({ status: 200, body: { status: 'ok' } });
    expect(reply.headers.get('connection')).toBe('close');
    await connection.closed;
  });

  test('a claim over HTTP/1.0, and one with Connection: close', async () => {
    await createCoupon(target.url, 'old', 2);
    const old = claimOf('a', 'old').toString().replace('HTTP/1.1', 'HTTP/1.0');
    expect((await exchange(target.url, old)).body).toMatchObject({ user_id: 'a' });
    expect((await exchange(target.url, claimOf('b', 'old', 'Connection: close'))).body).toMatchObject({ user_id: 'b' });
  });
});

describe('Expect', () => {
  test('100-continue: the body is asked for', async () => {
    await createCoupon(target.url, 'expected', 1);
    const bytes = claimOf('a', 'expected', 'Expect: 100-continue');
    const at = bytes.indexOf('\r\n\r\n') + 4;
    const connection = await RawConnection.open(target.url);
    connection.send(bytes.subarray(0, at));
    expect((await connection.nextReply()).status).toBe(100);
    connection.send(bytes.subarray(at));
    expect((await connection.nextReply()).body).toMatchObject({ user_id: 'a' });
    connection.hangUp();
  });

  test('anything else is left alone', async () => {
    const reply = await exchange(target.url, rawRequest('GET /health HTTP/1.1', 'Expect: a miracle'));
    expect(reply).toMatchObject({ status: 200, body: { status: 'ok' } });
  });
});

describe('an upgrade', () => {
  test.each([
    [
      'to WebSocket',
      ['Upgrade: websocket', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='],
    ],
    ['to HTTP/2', ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA']],
  ])('%s is not made; the request is answered', async (_, headers) => {
    await createCoupon(target.url, `upgrade ${headers[0]}`, 1);
    const bytes = claimOf('a', `upgrade ${headers[0]}`, 'Connection: Upgrade', ...headers);
    expect(await exchange(target.url, bytes)).toMatchObject({ status: 200, body: { user_id: 'a' } });
  });
});
