import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  BODY_MAX_BYTES,
  handlerTimeoutMs,
  isCouponName,
  isName,
  isNamePrefix,
  isTime,
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
import { claimAccess } from './plugins/claim-access.ts';
import { claims } from './plugins/claims.ts';
import { connectionOptions, connections } from './plugins/connections.ts';
import { cors } from './plugins/cors.ts';
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
import { couponSettingsRoutes } from './routes/coupon-settings.ts';
import { couponRoutes } from './routes/coupons.ts';
import { healthRoutes } from './routes/health.ts';
import { COUPON_CLAIMS_PATH, listRoutes } from './routes/lists.ts';
import { LIVE_EVENTS_PATH, liveRoutes, TEST_SALE_PATH } from './routes/live.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { openapiRoutes } from './routes/openapi.ts';
import { probeRoutes } from './routes/probes.ts';
import { problemRoutes } from './routes/problems.ts';
import { queueRoutes } from './routes/queues.ts';
import { releaseRoutes } from './routes/releases.ts';

/** Routes without Fastify's timeout: a claim bounds its own wait, and the others stream for as long as the caller reads. */
const WITHOUT_TIMEOUT: ReadonlySet<string> = new Set([
  CLAIM_PATH,
  COUPON_CLAIMS_PATH,
  LIVE_EVENTS_PATH,
  TEST_SALE_PATH,
]);

/**
 * Builds the API without listening: the stores, then the claim path, then the routes.
 * @throws StartError where a store can't be reached or has unsuitable settings.
 */
export const buildApp = async (env: Env): Promise<FastifyInstance> => {
  const app = await createServer(env);
  app.addHook('onRoute', (route) => {
    // Fastify's timeout creates an abort signal for each request: for claims, a tenth of this process's CPU time.
    if (!WITHOUT_TIMEOUT.has(route.url)) route.handlerTimeout = handlerTimeoutMs(env.CLAIM_WAIT_MS);
  });
  if (isTracing(env)) await app.register((await import('./plugins/traces.ts')).traces);
  await app.register(errors);
  // Before the plugin that answers unknown addresses: a page must be able to read that answer, too.
  await app.register(cors, { origins: env.CORS_ORIGINS });
  await app.register(unknownRoutes);
  await app.register(connections);
  await app.register(jsonBody);
  await app.register(stopping);
  await app.register(admin, { tokens: env.adminTokens });
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
  await app.register(claimAccess, {
    keys: env.claimKeys,
    tokens: env.claimTokens,
    waitingMax: env.CLAIMS_PENDING_MAX,
    isPublic: !env.isOnLoopback,
    testSales,
  });
  await app.register(live, { testSales });

  await app.register(openapi, {
    adminTokens: env.adminTokens.length > 0,
    claimKeys: env.claimKeys.length > 0,
    claimTokens: env.claimTokens !== undefined,
  });
  await app.register(openapiRoutes);
  await app.register(problemRoutes);
  await app.register(healthRoutes);
  await app.register(probeRoutes);
  await app.register(metricsRoutes);
  await app.register(couponRoutes, { maxAgeSeconds: env.COUPON_MAX_AGE_SECONDS });
  await app.register(couponSettingsRoutes);
  await app.register(listRoutes);
  await app.register(claimRoutes, { waitMs: env.CLAIM_WAIT_MS });
  await app.register(releaseRoutes);
  await app.register(queueRoutes, { write: env.BULL_BOARD_WRITE });
  await app.register(liveRoutes, { testSales });
  return app;
};

/** Fastify without any route. */
const createServer = async (env: Env) => {
  const mixin = isTracing(env) ? (await import('@flashclaim/runtime/tracing')).traceOfLine : undefined;
  const logger = createLogger('api', env.LOG_LEVEL, { mixin }) as FastifyBaseLogger;
  return fastify({
    // A store that can't be reached fails with a clear message. Fastify's default timeout is as long, and would fail first.
    pluginTimeout: 2 * REDIS_START_MAX_MS,
    loggerInstance: logger,
    // A log line for each claim would cost more than the claim.
    logController: new LogController({ disableRequestLogging: true }),
    // No logger for each request: the few lines that are logged contain the request id.
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
      // A number is not converted to a name, unknown fields are not removed but faults, and all faults are found.
      customOptions: {
        coerceTypes: false,
        removeAdditional: false,
        allErrors: true,
        formats: { name: isName, 'coupon-name': isCouponName, 'name-prefix': isNamePrefix },
      },
      // Replaces the format of ajv-formats, which also accepts an offset without minutes, and a blank in place of the T.
      onCreate: (ajv) => ajv.addFormat('date-time', isTime),
    },
    // The error handler lists the faults. Fastify's own message joins all of them, and a body may have thousands.
    schemaErrorFormatter: () => new Error('the request does not match its schema'),
  }).withTypeProvider<TypeBoxTypeProvider>();
};
