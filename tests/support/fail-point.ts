import type { Document, MongoClient } from 'mongodb';

export interface FailPoint {
  /** Commands that it strikes. */
  commands: readonly string[];
  /** Whose commands: those of workers by default. */
  appName?: 'flashclaim-worker' | 'flashclaim-api';
  /** How many of them; all by default. */
  times?: number;
  /** What happens to them: see MongoDB's `failCommand`. */
  data: Document;
}

/** Makes MongoDB fail commands. Needs a mongod with test commands. */
export const setFailPoint = async (client: MongoClient, point: FailPoint): Promise<void> => {
  const { commands, appName = 'flashclaim-worker', times, data } = point;
  await client.db('admin').command({
    configureFailPoint: 'failCommand',
    mode: times === undefined ? 'alwaysOn' : { times },
    data: { appName, failCommands: commands, ...data },
  });
};

/** Ends it. Resolves to how many commands it struck. */
export const clearFailPoint = async (client: MongoClient): Promise<number> => {
  const { count } = await client.db('admin').command({ configureFailPoint: 'failCommand', mode: 'off' });
  return count;
};

/** Resolves once so many commands have run into the fail point since the server started. */
export const failPointStrikes = async (client: MongoClient, timesEntered: number): Promise<void> => {
  await client.db('admin').command({ waitForFailPoint: 'failCommand', timesEntered, maxTimeMS: 20_000 });
};
