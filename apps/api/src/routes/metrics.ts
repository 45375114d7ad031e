import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { METRICS_CONTENT_TYPE } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';
import { METRICS_ANSWER } from '../http/openapi/answers.ts';
import { PROBLEM_RESPONSES } from '../http/problem.ts';

/**
 * Needs the admin token, once there is one: the rates of a sale are not for everybody. Without one it is open under any host
 * name, because a scraper may use the name of the service, and metrics contain no user, no coupon and no secret.
 */
export const metricsRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/metrics',
    {
      onRequest: app.isAdminOpen ? [] : app.requireAdmin,
      schema: {
        operationId: 'getMetrics',
        tags: ['service'],
        summary: 'Metrics for Prometheus',
        response: { 200: Type.String(), ...PROBLEM_RESPONSES },
        answers: { 200: METRICS_ANSWER },
        access: ['admin'],
        problems: ['unauthorized', 'rate_limited'],
      },
    },
    async (_, reply) => {
      reply.type(METRICS_CONTENT_TYPE);
      return app.metricsText();
    },
  );
};
