import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { laneOf } from '@flashclaim/core';
import { laneKey, openQueue } from '@flashclaim/lanes';
import { type ProcessHandle, type Stores, startStores } from '@flashclaim/local-stack';
import type { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { call, claim, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let system: System;
afterEach(() => system?.close());

/** Longer than any test waits: who is answered `pending` before was not kept for so long. */
const FOR_EVER = { CLAIM_WAIT_MS: '60000' };
const ASYNC = { prefer: 'respond-async' };
const under = (key: string) => ({ ...ASYNC, 'idempotency-key': key });

const start = async (options: Parameters<typeof startSystem>[0]): Promise<string> => {
  system = await startSystem(options);
  return system.urls[0] as string;
};

const statusOf = async (url: string, reply: Reply) => {
  expect(reply.status).toBe(202);
  return (await call(url + reply.headers.get('location'), 'GET')).body;
};

const isDecided = async (url: string, reply: Reply): Promise<boolean> =>
  (await statusOf(url, reply)).status !== 'pending';

const stop = async (handle: ProcessHandle | undefined): Promise<void> => {
  handle?.kill('SIGKILL');
  await handle?.exited;
};

const laneOfCoupon = (name: string): Queue => {
  const lane = laneOf(name, 8);
  return openQueue(lane, system.stores.redis);
};

describe('Prefer', () => {
  test('lowers the wait, or ends it', async () => {
    const url = await start({ apis: 2, workers: 0, env: FOR_EVER });
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
    await system.addWorker();
    for (const reply of replies) await until(() => isDecided(url, reply));
    expect((await readCoupon(url, 'later')).claimed_count).toBe(rows.length);
    await expectExact(system.stores.mongo);
  });

  test('says what it followed, and changes nothing else', async () => {
    const url = await start({ env: { CLAIM_WAIT_MS: '30000' } });
    await createCoupon(url, 'now', 3);
    const rows: [string, string | null, number][] = [
      ['wait=20', 'wait=20', 200],
      ['wait=31', null, 200],
      ['handling=lenient', null, 200],
      ['wait=20', 'wait=20', 400],
    ];
    for (const [i, [prefer, applied, status]] of rows.entries()) {
      const reply = await claim(url, 'now', `user-${i}`, { prefer });
      expect([reply.status, reply.headers.get('preference-applied')]).toEqual([status, applied]);
    }
  });
});

describe('a retry under the same key', () => {
  test('while the claim is pending has the same id, and makes no second claim', async () => {
    const url = await start({ apis: 2, workers: 0, env: FOR_EVER });
    await createCoupon(url, 'twice', 5);
    const replies: Reply[] = [];
    for (let i = 0; i < 6; i++)
      replies.push(await claim(system.urls[i % 2] as string, 'twice', 'user', under('key-1')));
    expect(new Set(replies.map((reply) => reply.headers.get('location'))).size).toBe(1);
    const [reply] = replies as [Reply];
    expect(await statusOf(url, reply)).toMatchObject({ status: 'pending' });
    await system.addWorker();
    await until(() => isDecided(url, reply));
    expect(await statusOf(url, reply)).toMatchObject({ status: 'claimed', user_id: 'user' });
    const replay = await claim(url, 'twice', 'user', { 'idempotency-key': 'key-1' });
    expect(replay).toMatchObject({ status: 200, body: { claim_id: reply.body.claim_id } });
    expect(replay.headers.get('idempotency-replayed')).toBe('true');
    expect((await readCoupon(url, 'twice')).claimed_by).toEqual(['user']);
  });

  test('after a refusal is what its id tells of from then on', async () => {
    const url = await start({ workers: 0, env: FOR_EVER });
    await createCoupon(url, 'again', 1);
    await claim(url, 'again', 'winner', ASYNC);
    const first = await claim(url, 'again', 'user', under('key-1'));
    await system.addWorker();
    await until(() => isDecided(url, first));
    expect(await statusOf(url, first)).toMatchObject({ status: 'refused', code: 'out_of_stock', user_id: 'user' });

    await stop(system.workers.pop());
    await system.stores.mongo.coupons.updateOne({ name: 'again' }, { $inc: { amount: 1, remaining_amount: 1 } });
    const second = await claim(url, 'again', 'user', under('key-1'));
    expect(second.body.claim_id).toBe(first.body.claim_id);
    expect(await statusOf(url, first)).toMatchObject({ status: 'pending' });
    await system.addWorker();
    await until(() => isDecided(url, first));
    expect(await statusOf(url, first)).toMatchObject({ status: 'claimed', user_id: 'user' });
  });
});

describe('a claim that was answered pending', () => {
  test('keeps its outcome where the process that took it is gone, and its job as well', async () => {
    const url = await start({ apis: 2, workers: 0, env: FOR_EVER });
    const other = system.urls[1] as string;
    await createCoupon(url, 'outlived', 1);
    const won = await claim(url, 'outlived', 'first', ASYNC);
    const lost = await claim(url, 'outlived', 'second', under('key-1'));
    await stop(system.apis[0]);
    await system.addWorker();
    await until(() => isDecided(other, lost));
    expect(await system.stores.redis.keys('*:lane-*-api-*')).toEqual([]);
    expect(await statusOf(other, won)).toMatchObject({ status: 'claimed', user_id: 'first' });
    expect(await statusOf(other, lost)).toMatchObject({ status: 'refused', code: 'out_of_stock', user_id: 'second' });
  });

  test('stays pending where Redis loses everything, and is decided all the same', async () => {
    const url = await start({ workers: 0, env: FOR_EVER });
    await createCoupon(url, 'lost', 1);
    const reply = await claim(url, 'lost', 'user', ASYNC);
    await system.stores.redis.flushdb();
    expect(await statusOf(url, reply)).toMatchObject({ status: 'pending', user_id: 'user' });
    await system.addWorker();
    await until(() => isDecided(url, reply));
    expect(await statusOf(url, reply)).toMatchObject({ status: 'claimed' });
  });

  test('is answered 202 and has a status while Redis is down', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-pending-'));
    let own: Stores | undefined = await startStores({ dataDir });
    const redisPort = Number(new URL(own.redisUrl).port);
    try {
      const url = await start({ workers: 0, env: { ...FOR_EVER, REDIS_URL: own.redisUrl } });
      await createCoupon(url, 'down', 1);
      const claiming = claim(url, 'down', 'user', { prefer: 'wait=1' });
      const redis = new Redis(own.redisUrl);
      await until(async () => (await redis.llen(laneKey(laneOf('down', 8), 'wait'))) === 1);
      redis.disconnect();
      await own.stop(0);
      const reply = await claiming;
      expect(await statusOf(url, reply)).toMatchObject({ status: 'pending', user_id: 'user' });

      own = await startStores({ dataDir, redisPort });
      await system.addWorker();
      await until(() => isDecided(url, reply));
      expect(await statusOf(url, reply)).toMatchObject({ status: 'claimed' });
      await stop(system.workers[0]);
    } finally {
      await own?.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test('is answered 503 with its id where it can not be recorded, and has a status later', async () => {
    const url = await start({ workers: 0, env: FOR_EVER });
    await createCoupon(url, 'unrecorded', 1);
    const { pendingClaims } = system.stores.mongo;
    // As a database that refuses the write.
    await system.stores.mongo.db.command({ collMod: 'pending_claims', validator: { never: { $exists: true } } });
    const reply = await claim(url, 'unrecorded', 'user', ASYNC);
    expect(reply).toMatchObject({
      status: 503,
      body: { code: 'unavailable', done: 'unknown', claim_id: expect.any(String) },
    });
    expect(reply.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await pendingClaims.countDocuments()).toBe(0);
    await system.addWorker();
    const path = `${url}/api/claims/${reply.body.claim_id}`;
    await until(async () => (await call(path, 'GET')).body.status === 'claimed');
  });

  test('is pending while its job is gone and nobody knows it any more: only its deadline ends it', async () => {
    const url = await start({ workers: 0, env: FOR_EVER });
    await createCoupon(url, 'gone', 1);
    const reply = await claim(url, 'gone', 'user', ASYNC);
    await stop(system.apis.pop());
    const queue = laneOfCoupon('gone');
    await queue.drain();
    await queue.close();
    const other = await system.addApi();
    expect(await statusOf(other, reply)).toMatchObject({ status: 'pending' });
    await system.stores.mongo.pendingClaims.updateMany({}, { $set: { deadline: new Date(Date.now() - 60_000) } });
    expect(await statusOf(other, reply)).toMatchObject({ status: 'refused', code: 'timed_out', user_id: 'user' });
  });

  test('is decided and told after API, worker and Redis were killed', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-pending-'));
    let own: Stores | undefined = await startStores({ dataDir });
    const redisPort = Number(new URL(own.redisUrl).port);
    try {
      const url = await start({ apis: 2, workers: 0, env: { ...FOR_EVER, REDIS_URL: own.redisUrl } });
      await createCoupon(url, 'survives', 1);
      const won = await claim(url, 'survives', 'first', under('key-1'));
      const lost = await claim(url, 'survives', 'second', ASYNC);
      await stop(system.apis[0]);
      await own.stop(0);
      own = await startStores({ dataDir, redisPort });

      const restarted = await system.addApi();
      for (const one of [system.urls[1] as string, restarted]) {
        await until(async () => (await call(`${one}/health`, 'GET')).status === 200);
        expect(await statusOf(one, won)).toMatchObject({ status: 'pending', user_id: 'first' });
      }
      expect((await claim(restarted, 'survives', 'first', under('key-1'))).body.claim_id).toBe(won.body.claim_id);
      await system.addWorker();
      await until(() => isDecided(restarted, lost));
      await stop(system.workers[0]);
      await own.stop(0);
      own = await startStores({ dataDir, redisPort });
      await system.addWorker();
      await until(async () => (await call(`${restarted}/health`, 'GET')).status === 200);
      expect(await statusOf(restarted, won)).toMatchObject({ status: 'claimed', user_id: 'first' });
      expect(await statusOf(restarted, lost)).toMatchObject({
        status: 'refused',
        code: 'out_of_stock',
        user_id: 'second',
      });
      await expectExact(system.stores.mongo);
    } finally {
      await own?.stop();
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});
