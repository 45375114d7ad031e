import { commonSettings } from '@flashclaim/core';
import { connectMongo, type Mongo } from '@flashclaim/store';
import { openStoredMongo } from './stored-mongo.ts';

const CONNECT_MAX_MS = 5_000;

/** The MongoDB of a command. */
export interface FoundMongo {
  /** Which one it is, for messages. */
  which: string;
  /**
   * Connects to a database of it. `client` names the client in MongoDB's logs.
   * @throws StartError if it can't be reached.
   */
  connect(database: string, client: string): Promise<Mongo>;
  /** Closes the connection, and stops it if it was started for this command. */
  close(): Promise<void>;
}

/**
 * The MongoDB that is named, or that of `npm start`, running or not, or the default.
 * @throws StartError if that of `npm start` can't be started.
 */
export const findMongo = async (named: string | undefined): Promise<FoundMongo> => {
  const { uri, which, stop } = await locateMongo(named);
  let mongo: Mongo | undefined;
  return {
    which,
    connect: async (database, client) => {
      mongo = await connectMongo(uri, database, { appName: client, serverSelectionTimeoutMS: CONNECT_MAX_MS });
      return mongo;
    },
    close: async () => {
      try {
        await mongo?.client.close();
      } finally {
        await stop();
      }
    },
  };
};

const locateMongo = async (named: string | undefined) => {
  const stop = async () => {};
  if (named) return { uri: named, which: 'the MongoDB of MONGO_URI', stop };
  const own = await openStoredMongo();
  if (own) return { ...own, which: own.running ? 'the MongoDB of npm start' : 'the data of npm start' };
  const which = 'the MongoDB of this machine, because MONGO_URI is not set and npm start left no data';
  return { uri: commonSettings.MONGO_URI.default as string, which, stop };
};
