import { checkWrites } from '@flashclaim/lanes';
import fp from 'fastify-plugin';
import { StoreWatch } from '../stores/store-watch.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the stores are there: what needs one asks here first. */
    stores: { redis: StoreWatch; mongo: StoreWatch };
  }
}

/** ioredis has no class for what it says of a server that is away; what a defect of ours throws is one of these. */
const isDefect = (error: unknown): boolean =>
  error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;

/** The driver of MongoDB lets through what a socket says that was closed just now; all else has its own class. */
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
      // The error handler knows the driver's own errors.
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
