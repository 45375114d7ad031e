import { HEALTH_CHECK_MS } from '@flashclaim/core';
import type { Mongo } from './mongo.ts';
import type { RedisConnection } from './redis.ts';
import { within } from './within.ts';

/** Asks both stores a small question. Resolves to the names of those that do not answer it in time. */
export const findDown = async ({ redis, mongo }: { redis: RedisConnection; mongo: Mongo }): Promise<string[]> => {
  const checks: [string, Promise<unknown>][] = [
    ['Redis', redis.ping()],
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
