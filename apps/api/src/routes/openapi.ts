import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from '@sinclair/typebox';

const PAGE_FOLDER = join(import.meta.dirname, '../http/openapi/page');

/** The page loads nothing from other hosts, so it works without the internet. Its scripts set inline styles. */
const PAGE_CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

/** The OpenAPI 3.1 document of this API, made from the schemas that validate and serialise, and a page that shows it. */
export const openapiRoutes: FastifyPluginAsyncTypebox = async (app) => {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: PAGE_CSP,
    theme: { title: 'Flashclaim API', js: [await readTheme('theme.js')], css: [await readTheme('theme.css')] },
    uiConfig: { layout: 'BaseLayout', displayRequestDuration: true, tryItOutEnabled: true },
  });

  app.get('/', { schema: { hide: true } }, (_, reply) => reply.redirect('/docs'));

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

const readTheme = async (filename: string) => ({
  filename,
  content: await readFile(join(PAGE_FOLDER, filename), 'utf8'),
});
