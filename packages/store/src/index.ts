/** MongoDB: its collections, indexes and validators, and the reads and writes of claims and records that processes share. */
export * from './collections.ts';
export * from './database-time.ts';
export { ensureCollections } from './ensure-collections.ts';
export * from './events.ts';
export * from './existing-claims.ts';
export * from './job-records.ts';
export { hasEarlierLayout, refuseEarlierLayout } from './layout.ts';
export * from './migrate.ts';
export * from './mongo.ts';
export * from './pending-claims.ts';
export * from './read-snapshot.ts';
export { findSchemaFaults } from './schema-faults.ts';
export * from './transaction.ts';
