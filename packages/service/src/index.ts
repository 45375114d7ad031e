/** What the API and the worker do alike: read settings, log, measure, connect to MongoDB and Redis, and refuse to start on wrong ones. */
export * from './collections.ts';
export * from './find-down.ts';
export * from './is-tracing.ts';
export * from './logger.ts';
export * from './look-at-lane.ts';
export * from './metrics.ts';
export * from './mongo.ts';
export * from './pending-records.ts';
export * from './point.ts';
export * from './read-settings.ts';
export * from './read-snapshot.ts';
export * from './redis.ts';
export * from './schema-faults.ts';
export * from './standing-claims.ts';
export * from './tally.ts';
export * from './within.ts';
export * from './without-password.ts';
