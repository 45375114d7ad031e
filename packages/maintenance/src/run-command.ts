import { findMongo } from '@flashclaim/local-stack';
import { StartError, withoutPassword } from '@flashclaim/runtime';
import { connectMongo, type Mongo } from '@flashclaim/store';
import { readEnv } from './env.ts';

const CONNECT_MAX_MS = 5_000;

/**
 * Runs a command on the database of the environment, and sets the exit code: what `run` resolves to, or 2 where it was not
 * possible.
 */
export const runCommand = async (
  name: string,
  run: (mongo: Mongo, where: string) => Promise<number>,
): Promise<void> => {
  try {
    const { MONGO_URI, MONGO_DB } = readEnv();
    const { uri, which, stop } = await findMongo(MONGO_URI);
    try {
      const options = { appName: `flashclaim-${name}`, serverSelectionTimeoutMS: CONNECT_MAX_MS };
      const mongo = await connectMongo(uri, MONGO_DB, options);
      try {
        process.exitCode = await run(mongo, `${MONGO_DB} in ${which}`);
      } finally {
        await mongo.client.close();
      }
    } finally {
      await stop();
    }
  } catch (error) {
    console.error(error instanceof StartError ? `${name}: ${withoutPassword(error.message)}` : error);
    process.exitCode = 2;
  }
};
