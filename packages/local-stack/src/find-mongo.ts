import { commonSettings } from '@flashclaim/core';
import { openStoredMongo } from './stored-mongo.ts';

/** The MongoDB of a command. */
export interface FoundMongo {
  uri: string;
  /** Which one it is, for messages. */
  which: string;
  /** Stops it if it was started for this command. */
  stop(): Promise<void>;
}

/**
 * The MongoDB that is named, or that of `npm start`, running or not, or the default.
 * @throws StartError if that of `npm start` can't be started.
 */
export const findMongo = async (named: string | undefined): Promise<FoundMongo> => {
  const nothing = async () => {};
  if (named) return { uri: named, which: 'the MongoDB of MONGO_URI', stop: nothing };
  const own = await openStoredMongo();
  if (own) return { ...own, which: own.running ? 'the MongoDB of npm start' : 'the data of npm start' };
  const which = 'the MongoDB of this machine, because MONGO_URI is not set and npm start left no data';
  return { uri: commonSettings.MONGO_URI.default as string, which, stop: nothing };
};
