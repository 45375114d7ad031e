import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';

/** The page loads nothing from elsewhere, so it works without the internet; its scripts set styles by themselves. */
const PAGE_CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** This very API in OpenAPI 3.1, made from the schemas that check and write its requests and answers, and a page to read it. */
export const openapiRoutes: FastifyPluginAsyncTypebox = async (app) => {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_CSP,
    theme: { title: 'Flashclaim API' },
    uiConfig: { layout: 'BaseLayout', displayRequestDuration: true, tryItOutEnabled: true },
  });

  let text = '';
  app.addHook('onReady', async () => {
    text = JSON.stringify(app.swagger());
  });
  app.get(
    '/openapi.json',
    {
      schema: {
        operationId: 'getOpenapi',
        tags: ['service'],
        summary: 'This document',
        response: { 200: Type.Unsafe<string>({ type: 'object' }) },
        answers: {
          200: { description: 'OpenAPI 3.1.', examples: { start: { value: { openapi: '3.1.0' } } } },
        },
      },
    },
    async (_, reply) => {
      reply.type('application/json; charset=utf-8');
      return text;
    },
  );
};
