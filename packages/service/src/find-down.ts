import { HEALTH_CHECK_MS } from '@flashclaim/core';
import type { Mongo } from './mongo.ts';
import { checkWrites, type RedisConnection } from './redis.ts';
import { within } from './within.ts';

interface Stores {
  redis: RedisConnection;
  mongo: Mongo;
  /** How many lanes Redis holds. */
  lanes: number;
}

/** What is asked while Redis is away would wait for it, question after question. */
const notConnected = () => Promise.reject(new Error('Redis is not connected'));

/** Asks both stores something small. Resolves to the names of those that do not do it in time. */
export const findDown = async ({ redis, mongo, lanes }: Stores): Promise<string[]> => {
  const checks: [string, Promise<unknown>][] = [
    ['Redis', redis.status === 'ready' ? checkWrites(redis, lanes) : notConnected()],
    ['MongoDB', mongo.db.command({ ping: 1 })],
  ];
  const down = await Promise.all(
    checks.map(([name, check]) =>
      within(HEALTH_CHECK_MS, check).then(
        () => [],
        () => [name],
      ),
    ),
  );
  return down.flat();
};
