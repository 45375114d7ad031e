import type { ClaimFields, CouponFields } from '@flashclaim/core';
import { StartError, withoutPassword } from '@flashclaim/runtime';
import { type Collection, type Db, MongoClient, type MongoClientOptions, MongoError, type ObjectId } from 'mongodb';
import { COLLECTIONS } from './collections.ts';
import type { JobRecordFields } from './job-records.ts';
import type { PendingClaimFields } from './pending-claims.ts';
import { refuseWeakUri } from './refuse-weak-uri.ts';

/**
 * MongoDB heartbeat interval. After an error the driver treats a server as down until the next heartbeat; its default
 * is 10 s.
 */
const MONGO_HEARTBEAT_MS = 1_000;

/** A connection to the database, and its collections. */
export interface Mongo {
  client: MongoClient;
  db: Db;
  coupons: Collection<CouponFields>;
  claims: Collection<ClaimFields<ObjectId>>;
  jobRecords: Collection<JobRecordFields>;
  pendingClaims: Collection<PendingClaimFields>;
}

/** A write counts once a majority has it in its journal: nothing less survives a failover. */
export const DURABLE = { w: 'majority', journal: true } as const;

/**
 * Connects, and makes sure that the server can run transactions.
 * @throws StartError where it can't be reached, is no replica set, or has an address that makes promises weaker.
 */
export const connectMongo = async (uri: string, name: string, options: MongoClientOptions): Promise<Mongo> => {
  const client = createClient(uri, options);
  try {
    const hello = await client.db('admin').command({ hello: 1 });
    if (!hello['setName'] && hello['msg'] !== 'isdbgrid')
      throw new StartError(
        'MONGO_URI names a MongoDB that is no replica set: transactions need one (mongod --replSet).',
      );
  } catch (error) {
    await client.close();
    if (error instanceof StartError) throw error;
    throw new StartError(`MongoDB can't be reached at MONGO_URI (${hosts(client)}): ${(error as Error).message}`);
  }
  const db = client.db(name);
  return {
    client,
    db,
    coupons: db.collection(COLLECTIONS.coupons),
    claims: db.collection(COLLECTIONS.claims),
    jobRecords: db.collection(COLLECTIONS.jobRecords),
    pendingClaims: db.collection(COLLECTIONS.pendingClaims),
  };
};

const createClient = (uri: string, options: MongoClientOptions): MongoClient => {
  try {
    refuseWeakUri(uri);
    return new MongoClient(uri, {
      writeConcern: DURABLE,
      readConcern: { level: 'majority' },
      readPreference: 'primary',
      heartbeatFrequencyMS: MONGO_HEARTBEAT_MS,
      ...options,
    });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`MONGO_URI can't be read: ${withoutPassword((error as Error).message)}`);
  }
};

/**
 * How long MongoDB keeps a transaction open whose worker is gone; until then its coupons can't be claimed.
 * Resolves to undefined where the server does not say: the right to ask may be missing.
 */
export const orphanedTransactionSeconds = async ({ client }: Mongo): Promise<number | undefined> => {
  const name = 'transactionLifetimeLimitSeconds';
  const reply = await client
    .db('admin')
    .command({ getParameter: 1, [name]: 1 })
    .catch(() => undefined);
  return reply?.[name];
};

export const DUPLICATE_KEY = 11000;

/** Whether a unique index refused a write. */
export const isDuplicateKey = (error: unknown): boolean => error instanceof MongoError && error.code === DUPLICATE_KEY;

/** The hosts of a connection, without its user and password. */
const hosts = (client: MongoClient): string => client.options.hosts.join(', ') || (client.options.srvHost ?? 'unknown');
