import { describe, expect, test } from 'vitest';
import { createCoupon } from '../../support/call-api.ts';
import { expectProblem } from '../../support/expect-problem.ts';
import { exchange, RawConnection, rawPost, rawRequest } from '../../support/raw-connection.ts';
import { expectNoJobs, systemForFile } from '../../support/system-for-file.ts';
import { until } from '../../support/until.ts';

const CLAIM = rawPost('/api/coupons/claim', '{"user_id":"user","coupon_name":"slow"}');
const AFTER_HEAD = CLAIM.indexOf('\r\n\r\n') + 4;
/** A busy API reads a request late. This is enough for one that is sent at once. */
const target = systemForFile({ REQUEST_RECEIVE_MS: '600' });

/** Sends a byte now and then, as long as the connection lasts. */
const trickle = (connection: RawConnection, bytes: Buffer): void => {
  let sent = 0;
  const timer = setInterval(() => connection.send(bytes.subarray(sent, ++sent)), 30);
  connection.closed.then(() => clearInterval(timer));
};

const expectTimeout = async (connection: RawConnection): Promise<void> => {
  expectProblem(await connection.nextReply(), 'request_timeout');
  await connection.closed;
  connection.hangUp();
};

describe('a request that does not arrive in time is answered 408, and its connection ends', () => {
  expectNoJobs(target);

  test.each([
    ['a body that trickles', AFTER_HEAD],
    ['a head that trickles', 0],
  ])('%s', async (_, at) => {
    const connection = await RawConnection.open(target.url);
    connection.send(CLAIM.subarray(0, at));
    trickle(connection, CLAIM.subarray(at));
    await expectTimeout(connection);
  });

  test.each([
    ['half a head', CLAIM.subarray(0, AFTER_HEAD - 10)],
    ['half a body', CLAIM.subarray(0, AFTER_HEAD + 10)],
    [
      'chunks without an end',
      Buffer.from(
        rawRequest('POST /api/coupons/claim HTTP/1.1', 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
      ),
    ],
  ])('%s', async (_, bytes) => {
    const connection = await RawConnection.open(target.url);
    connection.send(bytes);
    await expectTimeout(connection);
  });

  test('nothing at all: the connection ends', async () => {
    await (await RawConnection.open(target.url)).closed;
  });

  test('also the second request of a connection', async () => {
    const connection = await RawConnection.open(target.url);
    connection.send(rawRequest('GET /health HTTP/1.1'), CLAIM.subarray(0, AFTER_HEAD + 5));
    expect((await connection.nextReply()).body).toEqual({ status: 'ok' });
    await expectTimeout(connection);
  });

  test('two hundred of them hold up nobody', async () => {
    const slow = await Promise.all(Array.from({ length: 200 }, () => RawConnection.open(target.url)));
    for (const connection of slow) connection.send(CLAIM.subarray(0, AFTER_HEAD + 5));
    await until(async () => (await exchange(target.url, rawRequest('GET /health HTTP/1.1'))).status === 200);
    await Promise.all(slow.map(expectTimeout));
  });
});

test('a request that has arrived may wait longer than it may take to send', async () => {
  await createCoupon(target.url, 'waits', 1);
  const [worker] = target.system.workers;
  worker?.kill('SIGSTOP');
  try {
    const connection = await RawConnection.open(target.url);
    connection.send(rawPost('/api/coupons/claim', '{"user_id":"user","coupon_name":"waits"}'));
    // One that comes after it is cut off for being slow; by then so would be the first.
    const slow = await RawConnection.open(target.url);
    slow.send(CLAIM.subarray(0, AFTER_HEAD + 5));
    await expectTimeout(slow);
    worker?.kill('SIGCONT');
    expect((await connection.nextReply()).body).toMatchObject({ user_id: 'user' });
    connection.hangUp();
  } finally {
    worker?.kill('SIGCONT');
  }
});
