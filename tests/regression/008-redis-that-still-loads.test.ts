import { setTimeout as sleep } from 'node:timers/promises';
import { createRedis } from '@flashclaim/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { openOwnStores } from '../support/own-stores.ts';
import { until } from '../support/until.ts';

/** What takes Redis seconds to read, although it is short; between two turns it answers those who ask. */
const TURNS = 60;
const COMMANDS_A_TURN = 1_000;
const BITMAP_BITS = 2 ** 28;

/** What takes it no time, although it is long. */
const LONG_VALUES = 10;
const LONG_VALUE_BYTES = 4_000_000;

/** Much less than its estimate, by which ioredis waits up to 10 s. */
const READY_MAX_MS = 5_000;

test('a Redis that still loads its data, and is ready long before it thought: its connections ask again', async () => {
  const stores = await openOwnStores();
  onTestFinished(stores.close);
  const { redis } = stores.servers;
  await stores.redis.setbit('bitmap', BITMAP_BITS - 1, 1);
  const turn = `
    redis.call('BITOP', 'NOT', KEYS[1], KEYS[2])
    for i = 1, ${COMMANDS_A_TURN} do redis.call('INCR', KEYS[3]) end`;
  for (let i = 0; i < TURNS; i++) await stores.redis.eval(turn, 3, 'inverted', 'bitmap', 'count');
  for (let i = 0; i < LONG_VALUES; i++) await stores.redis.set(`long ${i}`, 'x'.repeat(LONG_VALUE_BYTES));
  await redis.stop();

  const started = redis.start();
  const connection = createRedis(`redis://127.0.0.1:${redis.port}`, { maxRetriesPerRequest: null });
  connection.on('error', () => {});
  onTestFinished(() => connection.disconnect());
  await started;

  const ready = until(async () => connection.status === 'ready').then(() => 'ready');
  expect(await Promise.race([ready, sleep(READY_MAX_MS, 'late')])).toBe('ready');
});
