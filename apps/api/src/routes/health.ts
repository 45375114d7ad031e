import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { HEALTH_CHECK_MS } from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import type { FastifySchema } from 'fastify';
import { HEALTHY_ANSWER } from '../openapi/answers.ts';
import { PROBLEM_RESPONSES, ProblemError } from '../problem.ts';

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
  const schema = {
    operationId: 'getHealth',
    tags: ['service'],
    summary: 'Whether all parts are up',
    response: { 200: Type.Object({ status: Type.Literal('ok') }), ...PROBLEM_RESPONSES },
    answers: { 200: HEALTHY_ANSWER },
    problems: ['unavailable'],
  } satisfies FastifySchema;
  app.get('/health', { schema }, async () => {
    const down = await Promise.all([
      downName('Redis', app.redis.ping()),
      downName('MongoDB', app.mongo.db.command({ ping: 1 })),
    ]);
    if (down.flat().length > 0) throw new ProblemError('unavailable', `Down: ${down.flat().join(', ')}.`);
    return { status: 'ok' as const };
  });
};
