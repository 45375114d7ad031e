/** What every process needs, whatever it does: settings, logs, metrics, traces, and a connection to Redis. It knows nothing of claims. */
export * from './channel.ts';
export * from './fast-histogram.ts';
export * from './is-tracing.ts';
export * from './logger.ts';
export * from './metrics.ts';
export * from './read-settings.ts';
export * from './redis.ts';
export * from './with-timeout.ts';
export * from './without-password.ts';
