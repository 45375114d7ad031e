import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { HEALTH_CHECK_MS } from '@flashclaim/core';
import { ProblemError } from '../problem.ts';

/** Resolves to the name where the check fails or takes too long. */
const downName = async (name: string, check: Promise<unknown>): Promise<string[]> => {
  const timeout = AbortSignal.timeout(HEALTH_CHECK_MS);
  const late = new Promise<never>((_, reject) => timeout.addEventListener('abort', () => reject(timeout.reason)));
  return Promise.race([check, late]).then(
    () => [],
    () => [name],
  );
};

export const healthRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get('/health', async () => {
    const down = await Promise.all([
      downName('Redis', app.redis.ping()),
      downName('MongoDB', app.mongo.db.command({ ping: 1 })),
    ]);
    if (down.flat().length > 0) throw new ProblemError('unavailable', `Down: ${down.flat().join(', ')}.`);
    return { status: 'ok' };
  });
};
