import { laneOf } from '@flashclaim/core';
import { createRedis, readyRedis, StartError } from '@flashclaim/runtime';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { call, claim, createCoupon } from '../support/call-api.ts';
import { openRedisCluster, type RedisCluster } from '../support/redis-cluster.ts';
import { scrape } from '../support/scrape.ts';
import { startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let stores: RedisCluster;
beforeAll(async () => {
  stores = await openRedisCluster();
});
afterAll(() => stores?.close());

/** Enough lanes that each node has some. */
const LANES = 8;

/** A coupon in each lane. */
const coupons = Array.from({ length: LANES }, (_, lane) => {
  for (let i = 0; ; i++) if (laneOf(`lane-${i}`, LANES) === lane) return `lane-${i}`;
});

const startOnCluster = async () => {
  const system = await startSystem({
    stores: { ...stores, close: async () => {} },
    env: { LOG_LEVEL: 'silent', CLAIM_LANES: `${LANES}` },
  });
  onTestFinished(() => system.close());
  return { api: system.urls[0] as string, worker: system.workerUrls[0] as string };
};

test('three masters: every answer reaches the API that waits for it, from every lane', async () => {
  const { api } = await startOnCluster();
  for (const coupon of coupons) await createCoupon(api, coupon, 10);
  for (let round = 0; round < 12; round++) {
    const replies = await Promise.all(coupons.map((coupon) => claim(api, coupon, `user-${round}`)));
    for (const { status } of replies) expect(status).toBe(round < 10 ? 200 : 400);
  }
  const unknown = await Promise.all(coupons.map((coupon) => claim(api, `no ${coupon}`, 'user')));
  for (const { status } of unknown) expect(status).toBe(404);
  const told = await scrape(api);
  expect(told.value('flashclaim_answers_lost_total')).toBe(0);
  expect(told.value('flashclaim_answer_lag_seconds_count')).toBeGreaterThanOrEqual(coupons.length * 10);
});

describe.each([
  ['the second master', () => stores.masters[1] as Redis],
  ['the replica', () => stores.replica],
])('%s alone evicts keys', (_, node) => {
  test('nothing starts, and the error names the node', async () => {
    await node().config('SET', 'maxmemory-policy', 'allkeys-lru');
    onTestFinished(async () => void (await node().config('SET', 'maxmemory-policy', 'noeviction')));
    const connection = createRedis(stores.env.REDIS_URL, { maxRetriesPerRequest: null });
    onTestFinished(() => connection.disconnect());
    const refused = await readyRedis(connection).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StartError);
    expect((refused as Error).message).toContain(`Redis on 127.0.0.1:${node().options.port} evicts keys`);
  });
});

test('a master that takes no writes is down, although it answers: API and worker say so', async () => {
  const { api, worker } = await startOnCluster();
  const healthOf = async (url: string) => (await call(`${url}/health`, 'GET')).status;
  for (const master of stores.masters) {
    await master.config('SET', 'min-replicas-to-write', 2);
    for (const url of [api, worker]) await until(async () => (await healthOf(url)) === 503);
    await master.config('SET', 'min-replicas-to-write', 0);
    for (const url of [api, worker]) await until(async () => (await healthOf(url)) === 200);
  }
});
