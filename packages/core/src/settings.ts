import { Type } from '@sinclair/typebox';
import { LANES_DEFAULT, LANES_MAX } from './limits.ts';

const MONGO_URI = { pattern: '^mongodb(\\+srv)?://', writeOnly: true };
const REDIS_URL = { pattern: '^rediss?://[^,]+(,rediss?://[^,]+)*$', writeOnly: true };

/**
 * The settings of every app. Each app's `env.ts` adds its own, and is the only file of the app that reads the environment.
 * A setting that is `writeOnly` is a secret: no message shows it, and `NAME_FILE` may name a file that contains it.
 */
export const commonSettings = {
  MONGO_URI: Type.String({ default: 'mongodb://localhost:27017', ...MONGO_URI }),
  MONGO_DB: Type.String({ default: 'coupon_system', pattern: '^[^/\\\\. "$*<>:|?]{1,63}$' }),
  REDIS_URL: Type.String({ default: 'redis://localhost:6379', ...REDIS_URL }),
  CLAIM_LANES: Type.Integer({ default: LANES_DEFAULT, minimum: 1, maximum: LANES_MAX }),
  // OpenTelemetry's own names. Its SDK reads the others by itself, for example OTEL_TRACES_SAMPLER.
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  OTEL_TRACES_EXPORTER: Type.Optional(Type.Union([Type.Literal('otlp'), Type.Literal('none')])),
  OTEL_SDK_DISABLED: Type.Boolean({ default: false }),
  NODE_ENV: Type.String({ default: 'development' }),
  LOG_LEVEL: Type.Union(
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
};

/** The stores of a program that finds or starts one where none is named. */
export const namedStores = {
  MONGO_URI: Type.Optional(Type.String(MONGO_URI)),
  REDIS_URL: Type.Optional(Type.String(REDIS_URL)),
};
