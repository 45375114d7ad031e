import { checkWrites } from '@flashclaim/lanes';
import fp from 'fastify-plugin';
import { StoreWatch } from '../stores/store-watch.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Send requests to a store through its watch: it fails at once while the store is down. */
    stores: { redis: StoreWatch; mongo: StoreWatch };
  }
}

/** ioredis has no error class for a server that is down. So all errors count as that, but those that a defect throws. */
const isDefect = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;

/** The MongoDB driver may throw the error of a socket that was just closed. Its other errors have classes of their own. */
const isSocketError = (error: unknown): boolean => /^E[A-Z]+$/.test(String((error as NodeJS.ErrnoException).code));

/** Watches both stores. */
export const stores = fp<{ lanes: number }>(
  async (app, { lanes }) => {
    const { redis: connection, mongoProbe, databaseClock, log } = app;
    const redis = new StoreWatch({
      name: 'Redis',
      ask: () => checkWrites(connection, lanes),
      isFault: (error) => !isDefect(error),
      log,
    });
    connection.on('close', () => redis.markDown());

    const mongo = new StoreWatch({
      name: 'MongoDB',
      ask: () => databaseClock.ask(mongoProbe.db),
      // The plugin `errors` answers the driver's own errors.
      isFault: isSocketError,
      log,
    });
    app.addHook('onClose', async () => {
      redis.close();
      mongo.close();
    });
    app.decorate('stores', { redis, mongo });
  },
  { name: 'stores', dependencies: ['redis', 'mongo'] },
);
