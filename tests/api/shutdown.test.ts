import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterEach, describe, expect, test } from 'vitest';
import { createCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { scrape } from '../support/scrape.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
afterEach(() => system?.close());

/** Begins a claim over a connection of its own, which is kept alive. Its body is still to be sent. */
const beginClaim = (url: string, headers = {}): ClientRequest =>
  request(`${url}/api/coupons/claim`, {
    method: 'POST',
    agent: new Agent({ keepAlive: true }),
    headers: { 'content-type': 'application/json', ...headers },
  });

const answerOf = (call: ClientRequest): Promise<{ status?: number; connection?: string; message: unknown }> =>
  new Promise((resolve, reject) => {
    call.on('error', reject);
    call.on('response', async (response: IncomingMessage) => {
      const { message } = (await json(response)) as { message?: string };
      resolve({ status: response.statusCode, connection: response.headers.connection, message } as never);
    });
  });

const isClosed = (url: string): Promise<boolean> =>
  fetch(`${url}/livez`, { headers: { connection: 'close' } }).then(
    () => false,
    () => true,
  );

const CLAIMED = { status: 200, connection: 'close', message: 'coupon claimed successfully' };

describe('an API that is stopped', () => {
  test('answers waiting callers, rejects new requests, and ends as soon as nobody waits', async () => {
    system = await startSystem({ workers: 0, env: { CLAIM_WAIT_MS: '20000' } });
    const url = system.urls[0] as string;
    const [api] = system.apis as [ProcessHandle];
    await createCoupon(url, 'stop', 10);
    const waiting = Array.from({ length: 5 }, async (_, i) => {
      const call = beginClaim(url);
      call.end(JSON.stringify({ coupon_name: 'stop', user_id: `waits-${i}` }));
      return answerOf(call);
    });
    // One whose body is not here yet, and a request that is half a head, on a connection that had one before.
    const half = beginClaim(url, { expect: '100-continue' });
    const halfAnswer = answerOf(half);
    await new Promise((resolve) => half.once('continue', resolve));
    const newcomer = await RawConnection.open(url);
    newcomer.send('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
    expect((await newcomer.nextReply()).status).toBe(200);
    newcomer.send('GET /readyz HTTP/1.1\r\nHost: x\r\n');
    // Once this is answered, all that was sent before it is read.
    await until(async () => (await scrape(url)).value('flashclaim_claims_waiting') === 5);

    api.kill('SIGTERM');
    await until(() => isClosed(url));
    half.end(JSON.stringify({ coupon_name: 'stop', user_id: 'half' }));
    newcomer.send('\r\n');
    const reply = await newcomer.nextReply();
    expectProblem(reply, 'unavailable', /stopping/);
    expect(reply.headers.get('connection')).toBe('close');
    expect(reply.headers.get('retry-after')).toMatch(/^[123]$/);

    await system.addWorker();
    expect(await Promise.all([...waiting, halfAnswer])).toEqual(Array(6).fill(CLAIMED));
    expect(await api.exited).toEqual({ code: 0, signal: null });
    await expectExact(system.stores.mongo);
    expect(await system.stores.mongo.claims.countDocuments()).toBe(6);
  });

  test('ends in time although no worker runs: waiting callers are answered `pending`, and their claims are decided later', async () => {
    system = await startSystem({ workers: 0, env: { CLAIM_WAIT_MS: '1000' } });
    const url = system.urls[0] as string;
    const [api] = system.apis as [ProcessHandle];
    await createCoupon(url, 'stop', 10);
    const call = beginClaim(url);
    call.end(JSON.stringify({ coupon_name: 'stop', user_id: 'waits' }));
    const answer = answerOf(call);
    await until(async () => (await system.stores.redis.keys('*lane*wait')).length > 0);
    api.kill('SIGTERM');
    expect(await answer).toMatchObject({ status: 202, connection: 'close' });
    expect(await api.exited).toEqual({ code: 0, signal: null });
    await system.addWorker();
    await until(async () => (await system.stores.mongo.claims.countDocuments()) === 1);
  });
});

test('a worker that is stopped finishes its job first', async () => {
  // Where the machine is busy, all of them take longer than a caller waits by default.
  system = await startSystem({ env: { CLAIM_WAIT_MS: '20000' } });
  const url = system.urls[0] as string;
  const [worker] = system.workers as [ProcessHandle];
  await createCoupon(url, 'stop', 100_000);
  const replies: Promise<unknown>[] = [];
  const isActive = async () => (await system.stores.redis.keys('*lane*active')).length > 0;
  await until(async () => {
    for (let i = 0; i < 20; i++) {
      const call = beginClaim(url);
      call.end(JSON.stringify({ coupon_name: 'stop', user_id: `user-${replies.length}` }));
      replies.push(answerOf(call));
    }
    return isActive();
  });
  worker.kill('SIGTERM');
  expect(await worker.exited).toEqual({ code: 0, signal: null });
  expect(await isActive()).toBe(false);
  await system.addWorker();
  for (const reply of await Promise.all(replies)) expect(reply).toMatchObject({ status: 200 });
  await expectExact(system.stores.mongo);
});
