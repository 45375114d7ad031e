/** Every read and write of coupons, claims and their records in MongoDB, with the collections, indexes and validators. */
export * from './collections.ts';
export * from './database-time.ts';
export * from './ensure-collections.ts';
export * from './existing-claims.ts';
export * from './job-records.ts';
export * from './mongo.ts';
export * from './pending-claims.ts';
export * from './read-snapshot.ts';
export * from './schema-faults.ts';
export * from './transaction.ts';
