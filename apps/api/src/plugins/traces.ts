import FastifyOtel from '@fastify/otel';
import { startTracing } from '@flashclaim/runtime/tracing';
import { context, type Span } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { traceClaims } from '../observe/claim-traces.ts';

/** Machines call these every few seconds: their traces are of no use. */
const UNTRACED = new Set(['/health', '/livez', '/readyz', '/metrics']);

/**
 * Names a span by its route, as OpenTelemetry requires. The span has the path without its query. It has no path
 * where that may contain a user id: in a preflight (`*`), and in a request without a route.
 */
const nameSpan = (span: Span, { method, url, routeOptions: { url: route } }: FastifyRequest): void => {
  span.updateName(route ? `${method} ${route}` : method);
  const mayNameUser = route === undefined || route === '*' || route.includes(':user_id');
  span.setAttribute('url.path', mayNameUser ? (route ?? 'REDACTED') : (url.split('?', 1)[0] as string));
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
