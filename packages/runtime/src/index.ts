/** The basics of every process: settings, logs, metrics, traces, and connections to Redis. It contains nothing about claims. */
export * from './channel.ts';
export * from './fast-histogram.ts';
export * from './is-tracing.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './read-settings.ts';
export * from './redis.ts';
export * from './with-timeout.ts';
export * from './without-password.ts';
