import { HEALTH_CHECK_MS } from '@flashclaim/core';
import { checkWrites } from '@flashclaim/lanes';
import { type RedisConnection, withTimeout } from '@flashclaim/runtime';
import type { Db } from 'mongodb';

interface Stores {
  redis: RedisConnection;
  mongo: { db: Pick<Db, 'command'> };
  /** The number of lanes. */
  lanes: number;
}

/** Sends a small command to both stores. Resolves to the names of the stores that do not answer in time. */
export const findDown = async ({ redis, mongo, lanes }: Stores): Promise<string[]> => {
  const checks: [string, Promise<unknown>][] = [
    ['Redis', checkWrites(redis, lanes)],
    ['MongoDB', mongo.db.command({ ping: 1 })],
  ];
  const down = await Promise.all(
    checks.map(([name, check]) =>
      withTimeout(HEALTH_CHECK_MS, check).then(
        () => [],
        () => [name],
      ),
    ),
  );
  return down.flat();
};
