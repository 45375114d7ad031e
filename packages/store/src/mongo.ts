import type { ClaimFields, CouponFields } from '@flashclaim/core';
import { StartError, withoutPassword } from '@flashclaim/runtime';
import { type Collection, type Db, MongoClient, type MongoClientOptions, MongoError, type ObjectId } from 'mongodb';
import { COLLECTIONS } from './collections.ts';
import type { EventFields } from './events.ts';
import type { JobRecordFields } from './job-records.ts';
import type { PendingClaimFields } from './pending-claims.ts';
import { refuseWeakUri } from './refuse-weak-uri.ts';

/**
 * MongoDB heartbeat interval. After an error the driver treats a server as down until the next heartbeat; its default
 * is 10 s.
 */
const MONGO_HEARTBEAT_MS = 1_000;

/** A client of MongoDB, with its database and collections. */
export interface Mongo {
  client: MongoClient;
  /** Whether the driver follows the members of a replica set, and so notices when another one becomes the primary. */
  seesElections: boolean;
  db: Db;
  coupons: Collection<CouponFields>;
  claims: Collection<ClaimFields<ObjectId>>;
  events: Collection<EventFields>;
  jobRecords: Collection<JobRecordFields>;
  pendingClaims: Collection<PendingClaimFields>;
}

/** Write concern: a majority has the write in its journal. A weaker one could lose the write in a failover. */
export const DURABLE = { w: 'majority', journal: true } as const;

/**
 * Connects, and checks that the server supports transactions.
 * @throws StartError where it can't be reached, is not a replica set, or where `uri` weakens reads or writes.
 */
export const connectMongo = async (uri: string, name: string, options: MongoClientOptions): Promise<Mongo> => {
  const client = createClient(uri, options);
  let seesElections: boolean;
  try {
    const hello = await client.db('admin').command({ hello: 1 });
    if (!hello['setName'] && hello['msg'] !== 'isdbgrid')
      throw new StartError(
        'MONGO_URI names a MongoDB that is not a replica set: transactions need one (mongod --replSet).',
      );
    const { directConnection, loadBalanced } = client.options;
    seesElections = hello['setName'] !== undefined && !directConnection && !loadBalanced;
  } catch (error) {
    await client.close();
    if (error instanceof StartError) throw error;
    throw new StartError(`MongoDB can't be reached at MONGO_URI (${hosts(client)}): ${(error as Error).message}`);
  }
  const db = client.db(name);
  return {
    client,
    seesElections,
    db,
    coupons: db.collection(COLLECTIONS.coupons),
    claims: db.collection(COLLECTIONS.claims),
    events: db.collection(COLLECTIONS.events),
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
 * How long MongoDB keeps the open transaction of a killed worker. Until then its coupons can't be claimed.
 * Resolves to undefined where the server does not answer this, for example because the user has no right to read parameters.
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

/** Whether a write failed because of a unique index. */
export const isDuplicateKey = (error: unknown): boolean => error instanceof MongoError && error.code === DUPLICATE_KEY;

/** The hosts of a client, for messages: without user and password. */
const hosts = (client: MongoClient): string => client.options.hosts.join(', ') || (client.options.srvHost ?? 'unknown');
