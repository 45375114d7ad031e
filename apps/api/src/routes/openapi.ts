import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';

/** This very API in OpenAPI 3.1, made from the schemas that check and write its requests and answers. */
export const openapiRoutes: FastifyPluginAsyncTypebox = async (app) => {
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
