import FastifyOtel from '@fastify/otel';
import { startTracing } from '@flashclaim/runtime/tracing';
import { context, type Span } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { traceClaims } from '../observe/claim-traces.ts';

/** Machines call these every few seconds: their traces are of no use. */
const UNTRACED = new Set(['/health', '/livez', '/readyz', '/metrics']);

/** Names a span by its route, as OpenTelemetry requires. The path is without its query and without a user id. */
const nameSpan = (span: Span, { method, url, routeOptions }: FastifyRequest): void => {
  span.updateName(routeOptions.url ? `${method} ${routeOptions.url}` : method);
  const path = routeOptions.url?.includes(':user_id') ? routeOptions.url : url.split('?', 1)[0];
  span.setAttribute('url.path', path as string);
};

/**
 * Traces: a span for each request, and below it those of its claim. Loaded only where tracing is on, and before the routes,
 * because a route is traced when it is registered.
 */
export const traces = fp(
  async (app) => {
    const endTracing = startTracing('flashclaim-api');
    app.addHook('onClose', endTracing);
    const instrumentation = new FastifyOtel.FastifyOtelInstrumentation({
      instrumentHooks: false,
      instrumentHandler: false,
      requestHook: nameSpan,
      ignorePaths: ({ url }: { url: string }) => UNTRACED.has(url),
    });
    await app.register(instrumentation.plugin());
    // Reading the body has lost the context of the span.
    app.addHook('preHandler', (request, _reply, done) => {
      context.with(request.opentelemetry().context ?? context.active(), done);
    });
    traceClaims();
  },
  { name: 'traces' },
);
