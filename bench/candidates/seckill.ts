import { findFreePort } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import type { Candidate, NewStock } from './candidate.ts';
import { stockKey, usersKey } from './seckill-keys.ts';
import { startProgram, waitUntilHealthy } from './start-program.ts';

/** A common fast design: Redis decides, and the caller is answered before the claim is durable. */
export const seckill: Candidate = {
  name: 'seckill',
  what: 'Fastify and one Redis Lua script that decides; answers before anything is durable',
  start: async ({ stack, settings }) => {
    const { redisUrl } = await stack.newDatabases();
    const redis = new Redis(redisUrl);
    // Redis stops with the bench; its connection errors are expected then.
    redis.on('error', () => {});
    const port = await findFreePort();
    const all = { ...settings, REDIS_URL: redisUrl, PORT: `${port}` };
    const api = await startProgram(import.meta.resolve('./seckill-api.ts'), all);
    const url = `http://127.0.0.1:${port}`;
    await waitUntilHealthy(url);
    return {
      url,
      processes: { api: [api.pid], worker: [], redis: [stack.redisPid], mongod: [] },
      addStock: (stock) => addStock(redis, stock),
      settle: async () => {},
      stop: async () => {
        await api.stop(0);
        await redis.flushdb('ASYNC');
        redis.disconnect();
      },
    };
  },
};

const addStock = async (redis: Redis, { names, amount, claimed = 0 }: NewStock): Promise<void> => {
  await redis.mset(...names.flatMap((name) => [stockKey(name), amount - claimed]));
  if (claimed === 0) return;
  const users = Array.from({ length: claimed }, (_, index) => `early-${index}`);
  for (const name of names) await redis.sadd(usersKey(name), users);
};
