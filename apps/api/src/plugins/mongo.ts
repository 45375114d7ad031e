import { API_POOL_MAX, QUERY_TIMEOUT_MS } from '@flashclaim/core';
import { connectMongo, DatabaseClock, ensureCollections, type Mongo } from '@flashclaim/store';
import fp from 'fastify-plugin';
import type { MongoClientOptions } from 'mongodb';

/** Connections to MongoDB that stay open. */
const API_POOL_MIN = 2;

/** Connections for requests that must not wait behind callers: one for the ping, one for the rest. */
const PROBE_POOL_MAX = 2;

declare module 'fastify' {
  interface FastifyInstance {
    mongo: Mongo;
    /** Separate connections, for checks that must not wait behind callers. */
    mongoProbe: Mongo;
    databaseClock: DatabaseClock;
  }
}

export interface MongoOptions {
  uri: string;
  name: string;
}

const TIMEOUTS = {
  serverSelectionTimeoutMS: QUERY_TIMEOUT_MS,
  socketTimeoutMS: QUERY_TIMEOUT_MS,
  connectTimeoutMS: QUERY_TIMEOUT_MS,
  waitQueueTimeoutMS: QUERY_TIMEOUT_MS,
};

/** The connections to MongoDB. The indexes are built before any request is accepted. */
export const mongo = fp<MongoOptions>(
  async (app, { uri, name }) => {
    const connect = async (options: MongoClientOptions): Promise<Mongo> => {
      const connection = await connectMongo(uri, name, { ...TIMEOUTS, ...options });
      app.addHook('onClose', async () => connection.client.close());
      return connection;
    };
    const mongo = await connect({ appName: 'flashclaim-api', maxPoolSize: API_POOL_MAX, minPoolSize: API_POOL_MIN });
    const mongoProbe = await connect({ appName: 'flashclaim-api-probe', maxPoolSize: PROBE_POOL_MAX });
    await ensureCollections(mongo.db);
    const databaseClock = new DatabaseClock();
    await databaseClock.ask(mongoProbe.db);
    app.decorate('databaseClock', databaseClock);
    app.decorate('mongo', mongo);
    app.decorate('mongoProbe', mongoProbe);
  },
  { name: 'mongo' },
);
