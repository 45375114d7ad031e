import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';
import { HEALTHY_ANSWER, LIVE_ANSWER } from '../http/openapi/answers.ts';
import { PROBLEM_RESPONSES } from '../http/problem.ts';
import { requireStores } from '../stores/require-stores.ts';

const response = { 200: Type.Object({ status: Type.Literal('ok') }), ...PROBLEM_RESPONSES };

/** Probes of an orchestrator: whether to restart this process, and whether to route callers to it. */
export const probeRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/livez',
    {
      schema: {
        operationId: 'getLiveness',
        tags: ['service'],
        summary: 'Whether this process is alive',
        response,
        answers: { 200: LIVE_ANSWER },
      },
    },
    // Any answer is the proof. A store that is down is no reason to restart this process.
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        operationId: 'getReadiness',
        tags: ['service'],
        summary: 'Whether this process can take claims',
        response,
        answers: { 200: HEALTHY_ANSWER },
        problems: ['unavailable'],
      },
    },
    async () => {
      requireStores(app.stores);
      return { status: 'ok' as const };
    },
  );
};
