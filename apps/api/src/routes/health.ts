import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import type { FastifySchema } from 'fastify';
import { HEALTHY_ANSWER } from '../openapi/answers.ts';
import { PROBLEM_RESPONSES, ProblemError } from '../problem.ts';

export const healthRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const schema = {
    operationId: 'getHealth',
    tags: ['service'],
    summary: 'Whether all parts are up',
    response: { 200: Type.Object({ status: Type.Literal('ok') }), ...PROBLEM_RESPONSES },
    answers: { 200: HEALTHY_ANSWER },
    problems: ['unavailable'],
  } satisfies FastifySchema;
  // What is known, not what a question would find out: it is at most a moment old, and asking often costs no store anything.
  app.get('/health', { schema }, async () => {
    const down = Object.values(app.stores).filter((store) => store.away);
    if (down.length > 0) throw new ProblemError('unavailable', `Down: ${down.map(({ name }) => name).join(', ')}.`);
    return { status: 'ok' as const };
  });
};
