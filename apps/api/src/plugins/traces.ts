import FastifyOtel from '@fastify/otel';
import { startTracing } from '@flashclaim/runtime/tracing';
import { context, type Span } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { traceClaims } from '../observe/claim-traces.ts';

/** Asked by machines every few seconds; nobody wants to see it. */
const UNTRACED = new Set(['/health', '/livez', '/readyz', '/metrics']);

/** Named by its route, as OpenTelemetry has it; the path without its query, in which anything may stand. */
const nameSpan = (span: Span, { method, url, routeOptions }: FastifyRequest): void => {
  span.updateName(routeOptions.url ? `${method} ${routeOptions.url}` : method);
  span.setAttribute('url.path', url.split('?', 1)[0] as string);
};

/**
 * Traces: a span for each request, and below it those of its claim. Loaded only where traces are wanted, and before the
 * routes, which are traced as they are added.
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
    // The body has come since the span began, and with it another context.
    app.addHook('preHandler', (request, _reply, done) => {
      context.with(request.opentelemetry().context ?? context.active(), done);
    });
    traceClaims();
  },
  { name: 'traces' },
);
