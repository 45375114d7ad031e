import { API_POOL_MAX, API_POOL_MIN, QUERY_TIMEOUT_MS } from '@flashclaim/core';
import { connectMongo, DatabaseClock, ensureCollections, type Mongo } from '@flashclaim/service';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    mongo: Mongo;
    databaseClock: DatabaseClock;
  }
}

export interface MongoOptions {
  uri: string;
  name: string;
}

/** The database, with its indexes built before any request is taken. */
export const mongo = fp<MongoOptions>(
  async (app, { uri, name }) => {
    const connection = await connectMongo(uri, name, {
      appName: 'flashclaim-api',
      maxPoolSize: API_POOL_MAX,
      minPoolSize: API_POOL_MIN,
      serverSelectionTimeoutMS: QUERY_TIMEOUT_MS,
      socketTimeoutMS: QUERY_TIMEOUT_MS,
      connectTimeoutMS: QUERY_TIMEOUT_MS,
      waitQueueTimeoutMS: QUERY_TIMEOUT_MS,
    });
    app.addHook('onClose', async () => connection.client.close());
    await ensureCollections(connection.db);
    const databaseClock = new DatabaseClock();
    await databaseClock.ask(connection.db);
    app.decorate('databaseClock', databaseClock);
    app.decorate('mongo', connection);
  },
  { name: 'mongo' },
);
