import type { Document, MongoClient } from 'mongodb';

export interface FailPoint {
  /** Commands that fail. */
  commands: readonly string[];
  /** The app whose commands fail: the worker by default. */
  appName?: 'flashclaim-worker' | 'flashclaim-api' | 'flashclaim-migrate' | 'flashclaim-purge';
  /** How many commands fail; all by default. */
  times?: number;
  /** How many commands do not fail before. Then all fail. */
  skip?: number;
  /** How they fail: see MongoDB's `failCommand`. */
  data: Document;
}

/** Makes MongoDB fail commands. Needs a mongod with test commands. */
export const setFailPoint = async (client: MongoClient, point: FailPoint): Promise<void> => {
  const { commands, appName = 'flashclaim-worker', times, skip, data } = point;
  const failing = skip === undefined ? 'alwaysOn' : { skip };
  await client.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: times === undefined ? failing : { times },
    data: { appName, failCommands: commands, ...data },
  });
};

/** Removes the fail point. Resolves to the number of commands that it hit. */
export const clearFailPoint = async (client: MongoClient): Promise<number> => {
  const { count } = await client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
  return count;
};

/** Resolves once this number of commands have hit the fail point since the server started. */
export const waitForFailPoint = async (client: MongoClient, timesEntered: number): Promise<void> => {
  await client.db('admin').command({ waitForFailPoint: 'failCommand', timesEntered, maxTimeMS: 90_000 });
};
