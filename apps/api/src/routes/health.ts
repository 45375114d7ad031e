import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { FastifySchema } from 'fastify';
import { HEALTHY_ANSWER } from '../http/openapi/answers.ts';
import { PROBLEM_RESPONSES } from '../http/problem.ts';
import { requireStores } from '../stores/require-stores.ts';

export const healthRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const schema = {
    operationId: 'getHealth',
    tags: ['service'],
    summary: 'Whether Redis and MongoDB answer',
    response: { 200: Type.Object({ status: Type.Literal('ok') }), ...PROBLEM_RESPONSES },
    answers: { 200: HEALTHY_ANSWER },
    problems: ['unavailable'],
  } satisfies FastifySchema;
  app.get('/health', { schema }, async () => {
    requireStores(app.stores);
    return { status: 'ok' as const };
  });
};
