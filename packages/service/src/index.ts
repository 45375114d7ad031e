/** What the API and the worker do alike: read settings, log, connect to MongoDB and Redis, and refuse to start on wrong ones. */
export * from './collections.ts';
export * from './logger.ts';
export * from './mongo.ts';
export * from './pending-records.ts';
export * from './read-settings.ts';
export * from './read-snapshot.ts';
export * from './redis.ts';
export * from './standing-claims.ts';
