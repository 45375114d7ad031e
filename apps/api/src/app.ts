import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  BODY_MAX_BYTES,
  handlerTimeoutMs,
  isCouponName,
  isName,
  REDIS_START_MAX_MS,
  URL_PARAMETER_MAX_CHARS,
} from '@flashclaim/core';
import { createLogger, isTracing } from '@flashclaim/runtime';
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import type { Env } from './env.ts';
import { answerClientError } from './http/client-error.ts';
import { requestId } from './http/request-id.ts';
import { trustProxy } from './http/trust-proxy.ts';
import { admin } from './plugins/admin.ts';
import { claims } from './plugins/claims.ts';
import { connectionOptions, connections } from './plugins/connections.ts';
import { errors, handleError } from './plugins/errors.ts';
import { jsonBody } from './plugins/json-body.ts';
import { lanes } from './plugins/lanes.ts';
import { live } from './plugins/live.ts';
import { metrics } from './plugins/metrics.ts';
import { mongo } from './plugins/mongo.ts';
import { openapi } from './plugins/openapi.ts';
import { rateLimits } from './plugins/rate-limits.ts';
import { redis } from './plugins/redis.ts';
import { stopping } from './plugins/stopping.ts';
import { stores } from './plugins/stores.ts';
import { unknownRoutes } from './plugins/unknown-routes.ts';
import { CLAIM_PATH, claimRoutes } from './routes/claims.ts';
import { couponRoutes } from './routes/coupons.ts';
import { healthRoutes } from './routes/health.ts';
import { LIVE_EVENTS_PATH, liveRoutes, TEST_SALE_PATH } from './routes/live.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { openapiRoutes } from './routes/openapi.ts';
import { probeRoutes } from './routes/probes.ts';
import { queueRoutes } from './routes/queues.ts';

/** Calls that Fastify does not time: a claim bounds its own wait, the others tell something as long as somebody listens. */
const OWN_TIME: ReadonlySet<string> = new Set([CLAIM_PATH, LIVE_EVENTS_PATH, TEST_SALE_PATH]);

/**
 * Builds the API without listening: the stores, then the path of a claim, then the routes.
 * @throws StartError where a store can't be reached or is not fit.
 */
export const buildApp = async (env: Env): Promise<FastifyInstance> => {
  const mixin = isTracing(env) ? (await import('@flashclaim/runtime/tracing')).traceOfLine : undefined;
  const logger = createLogger('api', env.LOG_LEVEL, { mixin }) as FastifyBaseLogger;
  const app = fastify({
    // A store that can't be reached says so itself, in a sentence; Fastify's own limit is as long, and would come first.
    pluginTimeout: 2 * REDIS_START_MAX_MS,
    loggerInstance: logger,
    // A line for each claim would cost more than the claim.
    logController: new LogController({ disableRequestLogging: true }),
    // Nor does a request get a logger of its own: the few lines there are say their request id.
    childLoggerFactory: (logger) => logger,
    genReqId: requestId,
    trustProxy: trustProxy(env.TRUST_PROXY),
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: env.REQUEST_RECEIVE_MS,
    http: connectionOptions(env.REQUEST_RECEIVE_MS),
    routerOptions: { maxParamLength: URL_PARAMETER_MAX_CHARS },
    frameworkErrors: handleError,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, logger),
    ajv: {
      // A number is no name, and a field we do not know is left alone.
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        formats: { name: isName, 'coupon-name': isCouponName },
      },
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.addHook('onRoute', (route) => {
    // For a claim, Fastify's timeout would make an abort signal for each request: a tenth of its busy time.
    if (!OWN_TIME.has(route.url)) route.handlerTimeout = handlerTimeoutMs(env.CLAIM_WAIT_MS);
  });
  if (isTracing(env)) await app.register((await import('./plugins/traces.ts')).traces);
  await app.register(errors);
  await app.register(unknownRoutes);
  await app.register(connections);
  await app.register(jsonBody);
  await app.register(stopping);
  await app.register(admin, { token: env.ADMIN_TOKEN });
  await app.register(mongo, { uri: env.MONGO_URI, name: env.MONGO_DB });
  await app.register(redis, { url: env.REDIS_URL });
  await app.register(stores, { lanes: env.CLAIM_LANES });
  await app.register(rateLimits, { perAddress: env.RATE_LIMIT_PER_ADDRESS, perUser: env.RATE_LIMIT_PER_USER });
  await app.register(lanes, { count: env.CLAIM_LANES });
  await app.register(claims, {
    redisUrl: env.REDIS_URL,
    waitMs: env.CLAIM_WAIT_MS,
    pendingMax: env.CLAIMS_PENDING_MAX,
  });
  await app.register(metrics);
  const testSales = env.NODE_ENV !== 'production';
  await app.register(live, { testSales });

  await app.register(openapi, { open: env.ADMIN_TOKEN === undefined });
  await app.register(openapiRoutes);
  await app.register(healthRoutes);
  await app.register(probeRoutes);
  await app.register(metricsRoutes);
  await app.register(couponRoutes);
  await app.register(claimRoutes, { waitMs: env.CLAIM_WAIT_MS });
  await app.register(queueRoutes, { write: env.BULL_BOARD_WRITE });
  await app.register(liveRoutes, { testSales });
  return app;
};
