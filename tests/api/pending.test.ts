import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LANES_DEFAULT, laneOf } from '@flashclaim/core';
import { laneKey, openQueue } from '@flashclaim/lanes';
import { type ProcessHandle, type ServerHandle, startRedisNodes } from '@flashclaim/local-stack';
import { VALIDATORS } from '@flashclaim/store';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** More than one, so that a test can empty one of them. */
const LANES = 8;

/** Longer than any test waits: who is answered `pending` before was not kept for so long. */
const FOR_EVER = { CLAIM_WAIT_MS: '60000' };
const ASYNC = { prefer: 'respond-async' };
const under = (key: string) => ({ ...ASYNC, 'idempotency-key': key });

/** Two APIs, and a worker that is stopped until a test resumes it. */
let system: System;
let url: string;
beforeAll(async () => {
  system = await startSystem({ apis: 2, env: { ...FOR_EVER, CLAIM_LANES: `${LANES}` } });
  url = system.urls[0] as string;
  await until(() => isUp(`${system.workerUrls[0]}/readyz`));
  suspend();
});
afterEach(() => suspend());
afterAll(async () => {
  resume();
  await system?.close();
});
const suspend = () => system.workers[0]?.kill('SIGSTOP');
const resume = () => system?.workers[0]?.kill('SIGCONT');

const isUp = (health: string): Promise<boolean> =>
  call(health, 'GET').then(
    ({ status }) => status === 200,
    () => false,
  );

const statusOf = async (of: string, reply: Reply) => {
  expect(reply.status).toBe(202);
  return (await call(of + reply.headers.get('location'), 'GET')).body;
};

const isDecided = async (of: string, reply: Reply): Promise<boolean> =>
  (await statusOf(of, reply)).status !== 'pending';

const kill = async (handle: ProcessHandle | undefined): Promise<void> => {
  handle?.kill('SIGKILL');
  await handle?.exited;
};

describe('Prefer', () => {
  test('lowers the wait, or ends it', async () => {
    await createCoupon(url, 'later', 10);
    const rows: [string, string][] = [
      ['wait=1', 'wait=1'],
      ['wait=0', 'wait=0'],
      ['respond-async', 'respond-async'],
      ['Respond-Async; a=b, wait=1', 'respond-async, wait=1'],
      ['return=minimal, wait=x, respond-async', 'respond-async'],
      ['wait=1, wait=50', 'wait=1'],
    ];
    const replies = await Promise.all(rows.map(([prefer], i) => claim(url, 'later', `user-${i}`, { prefer })));
    for (const [i, reply] of replies.entries()) {
      expect(reply).toMatchObject({ status: 202, body: { status: 'pending', code: 'pending', user_id: `user-${i}` } });
      expect(reply.headers.get('preference-applied')).toBe(rows[i]?.[1]);
      expect(reply.headers.get('location')).toBe(`/api/claims/${reply.body.claim_id}`);
      expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
      // Every process can be asked, and at once.
      for (const one of system.urls) expect(await statusOf(one, reply)).toEqual(reply.body);
    }
    resume();
    for (const reply of replies) await until(() => isDecided(url, reply));
    expect((await readCoupon(url, 'later')).claimed_count).toBe(rows.length);
    await expectExact(system.stores.mongo);
  });

  test('says what it followed, and changes nothing else', async () => {
    resume();
    await createCoupon(url, 'now', 3);
    const rows: [string, string | null, number][] = [
      ['wait=59', 'wait=59', 200],
      ['wait=61', null, 200],
      ['handling=lenient', null, 200],
      ['wait=59', 'wait=59', 400],
    ];
    for (const [i, [prefer, applied, status]] of rows.entries()) {
      const reply = await claim(url, 'now', `user-${i}`, { prefer });
      expect([reply.status, reply.headers.get('preference-applied')]).toEqual([status, applied]);
    }
  });
});

describe('a retry under the same key', () => {
  test('while the claim is pending has the same id, and makes no second claim', async () => {
    await createCoupon(url, 'twice', 5);
    const replies: Reply[] = [];
    for (let i = 0; i < 6; i++)
      replies.push(await claim(system.urls[i % 2] as string, 'twice', 'user', under('key-1')));
    expect(new Set(replies.map((reply) => reply.headers.get('location'))).size).toBe(1);
    const [reply] = replies as [Reply];
    expect(await statusOf(url, reply)).toMatchObject({ status: 'pending' });
    resume();
    await until(() => isDecided(url, reply));
    expect(await statusOf(url, reply)).toMatchObject({ status: 'claimed', user_id: 'user' });
    const replay = await claim(url, 'twice', 'user', { 'idempotency-key': 'key-1' });
    expect(replay).toMatchObject({ status: 200, body: { claim_id: reply.body.claim_id } });
    expect(replay.headers.get('idempotency-replayed')).toBe('true');
    expect((await readCoupon(url, 'twice')).claimed_by).toEqual(['user']);
  });

  test('while the claim is pending is not refused before it is decided', async () => {
    const [, other] = system.urls as [string, string];
    await createCoupon(url, 'closes', 5);
    const pause = (paused: boolean) => call(`${url}/api/coupons/closes`, 'PATCH', { paused });
    // The other process learns that the coupon is closed.
    await pause(true);
    resume();
    expect((await claim(other, 'closes', 'early')).body.code).toBe('sale_not_open');
    suspend();
    await pause(false);
    const first = await claim(url, 'closes', 'user', under('key-3'));
    expect(await statusOf(url, first)).toMatchObject({ status: 'pending' });
    await pause(true);
    const retry = await claim(other, 'closes', 'user', under('key-3'));
    expect(await statusOf(other, retry)).toMatchObject({ status: 'pending', claim_id: first.body.claim_id });
    // A claim without a pending one is refused by a read.
    expect((await claim(other, 'closes', 'user', { 'idempotency-key': 'key-4' })).body.code).toBe('sale_not_open');
    await pause(false);
    resume();
    await until(() => isDecided(url, first));
    expect(await statusOf(other, retry)).toMatchObject({ status: 'claimed' });
  });

  test('after a refusal is what its id tells of from then on', async () => {
    await createCoupon(url, 'again', 1);
    await claim(url, 'again', 'winner', ASYNC);
    const first = await claim(url, 'again', 'user', under('key-2'));
    resume();
    await until(() => isDecided(url, first));
    expect(await statusOf(url, first)).toMatchObject({ status: 'refused', code: 'out_of_stock', user_id: 'user' });

    suspend();
    await system.stores.mongo.coupons.updateOne({ name: 'again' }, { $inc: { amount: 1, remaining_amount: 1 } });
    const second = await claim(url, 'again', 'user', under('key-2'));
    expect(second.body.claim_id).toBe(first.body.claim_id);
    expect(await statusOf(url, first)).toMatchObject({ status: 'pending' });
    resume();
    await until(() => isDecided(url, first));
    expect(await statusOf(url, first)).toMatchObject({ status: 'claimed', user_id: 'user' });
  });
});

describe('a claim that was answered pending', () => {
  test('stays pending where Redis loses everything, and is decided all the same', async () => {
    await createCoupon(url, 'lost', 1);
    const reply = await claim(url, 'lost', 'user', ASYNC);
    await system.stores.redis.flushdb();
    expect(await statusOf(url, reply)).toMatchObject({ status: 'pending', user_id: 'user' });
    resume();
    await until(() => isDecided(url, reply));
    expect(await statusOf(url, reply)).toMatchObject({ status: 'claimed' });
  });

  test('is answered 503 with its id where it can not be recorded, and has a status later', async () => {
    await createCoupon(url, 'unrecorded', 1);
    const { db, pendingClaims } = system.stores.mongo;
    const before = await pendingClaims.countDocuments();
    // As a database that refuses the write.
    await db.command({ collMod: 'pending_claims', validator: { never: { $exists: true } } });
    const reply = await claim(url, 'unrecorded', 'user', ASYNC);
    await db.command({ collMod: 'pending_claims', validator: VALIDATORS.pending_claims });
    expect(reply).toMatchObject({
      status: 503,
      body: { code: 'unavailable', done: 'unknown', claim_id: expect.any(String) },
    });
    expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await pendingClaims.countDocuments()).toBe(before);
    resume();
    const path = `${url}/api/claims/${reply.body.claim_id}`;
    await until(async () => (await call(path, 'GET')).body.status === 'claimed');
  });

  test('outlives its process and its job: it keeps its outcome, and where it has none, its deadline ends it', async () => {
    const other = await system.addApi();
    await createCoupon(url, 'outlived', 1);
    await createCoupon(url, 'gone', 1);
    const won = await claim(other, 'outlived', 'first', ASYNC);
    const lost = await claim(other, 'outlived', 'second', under('key-3'));
    const undecided = await claim(other, 'gone', 'user', ASYNC);
    await kill(system.apis.at(-1));
    // Nobody knows of its job any more. That of the others is in another lane.
    const queue = openQueue(laneOf('gone', LANES), system.stores.redis);
    await queue.drain();
    await queue.close();
    resume();
    await until(() => isDecided(url, lost));
    // A claim is decided a moment before its job is removed.
    await until(async () => (await system.stores.redis.keys('*:lane-*-api-*')).length === 0);
    expect(await statusOf(url, won)).toMatchObject({ status: 'claimed', user_id: 'first' });
    expect(await statusOf(url, lost)).toMatchObject({ status: 'refused', code: 'out_of_stock', user_id: 'second' });

    expect(await statusOf(url, undecided)).toMatchObject({ status: 'pending' });
    await system.stores.mongo.pendingClaims.updateMany({}, { $set: { deadline: new Date(Date.now() - 60_000) } });
    expect(await statusOf(url, undecided)).toMatchObject({ status: 'refused', code: 'timed_out', user_id: 'user' });
  });
});

describe('a claim that was answered pending, with a Redis of its own', () => {
  let dataDir: string;
  let redis: ServerHandle;
  let own: System;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-pending-'));
    const { nodes } = await startRedisNodes({ dataDir, size: 1, args: [] });
    redis = nodes[0] as ServerHandle;
    own = await startSystem({
      apis: 2,
      workers: 0,
      env: { ...FOR_EVER, REDIS_URL: `redis://127.0.0.1:${redis.port}` },
    });
  });
  afterAll(async () => {
    await own?.close();
    await redis?.stop(0);
    await rm(dataDir, { recursive: true, force: true });
  });

  const areUp = async (...urls: string[]) => {
    for (const one of urls) await until(() => isUp(`${one}/health`));
  };

  test('is answered 202 and has a status while Redis is down', async () => {
    const [one] = own.urls as [string];
    await createCoupon(one, 'down', 1);
    const claiming = claim(one, 'down', 'user', { prefer: 'wait=1' });
    const client = new Redis(redis.port);
    await until(async () => (await client.llen(laneKey(laneOf('down', LANES_DEFAULT), 'wait'))) === 1);
    client.disconnect();
    await redis.stop(0);
    const reply = await claiming;
    expect(await statusOf(one, reply)).toMatchObject({ status: 'pending', user_id: 'user' });

    await redis.start();
    const worker = await own.addWorker();
    await until(() => isDecided(one, reply));
    expect(await statusOf(one, reply)).toMatchObject({ status: 'claimed' });
    await kill(worker);
    await areUp(...own.urls);
  });

  test('is decided and told after API, worker and Redis were killed', async () => {
    const [one, other] = own.urls as [string, string];
    await createCoupon(one, 'survives', 1);
    const won = await claim(one, 'survives', 'first', under('key-1'));
    const lost = await claim(one, 'survives', 'second', ASYNC);
    await kill(own.apis[0]);
    await redis.stop(0);
    await redis.start();

    const restarted = await own.addApi();
    await areUp(other, restarted);
    for (const api of [other, restarted])
      expect(await statusOf(api, won)).toMatchObject({ status: 'pending', user_id: 'first' });
    expect((await claim(restarted, 'survives', 'first', under('key-1'))).body.claim_id).toBe(won.body.claim_id);
    const worker = await own.addWorker();
    await until(() => isDecided(restarted, lost));
    await kill(worker);
    await redis.stop(0);
    await redis.start();
    await areUp(restarted);
    expect(await statusOf(restarted, won)).toMatchObject({ status: 'claimed', user_id: 'first' });
    expect(await statusOf(restarted, lost)).toMatchObject({
      status: 'refused',
      code: 'out_of_stock',
      user_id: 'second',
    });
    await expectExact(own.stores.mongo);
  });
});
