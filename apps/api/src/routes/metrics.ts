import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { METRICS_CONTENT_TYPE } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';
import { METRICS_ANSWER } from '../http/openapi/answers.ts';

/** Needs no token, like `/health`, because a scraper has none: metrics contain no user, no coupon and no secret. */
export const metricsRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        tags: ['service'],
        summary: 'Metrics for Prometheus',
        response: { 200: Type.String() },
        answers: { 200: METRICS_ANSWER },
      },
    },
    async (_, reply) => {
      reply.type(METRICS_CONTENT_TYPE);
      return app.metricsText();
    },
  );
};
