import { setTimeout as sleep } from 'node:timers/promises';
import { createRedis } from '@flashclaim/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { openStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const SILENCE_MAX_MS = 1_000;

test('a connection breaks while an answer is pending: its silence does not count for the next connection', async () => {
  const stores = await openStores();
  onTestFinished(stores.close);
  const connection = createRedis(stores.env.REDIS_URL, { maxRetriesPerRequest: null, socketTimeout: SILENCE_MAX_MS });
  onTestFinished(() => connection.disconnect());
  const broken: string[] = [];
  connection.on('error', ({ message }: Error) => broken.push(message));
  let closed = 0;
  connection.on('close', () => closed++);
  const id = await connection.client('ID');

  // Said again on the next connection, and answered there long before it may be silent for too long.
  const pending = connection.blpop('nobody adds to this', SILENCE_MAX_MS / 4 / 1_000);
  await stores.redis.client('KILL', 'ID', id);
  await until(async () => closed > 0 && connection.status === 'ready');
  expect(await pending).toBeNull();
  await sleep(SILENCE_MAX_MS);
  expect(broken).toEqual([]);
  expect(closed).toBe(1);
});
