import { findMongo } from '@flashclaim/local-stack';
import { StartError, withoutPassword } from '@flashclaim/runtime';
import type { Mongo } from '@flashclaim/store';
import { readEnv } from './env.ts';

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
    const { which, connect, close } = await findMongo(MONGO_URI);
    try {
      const mongo = await connect(MONGO_DB, `flashclaim-${name}`);
      process.exitCode = await run(mongo, `${MONGO_DB} in ${which}`);
    } finally {
      await close();
    }
  } catch (error) {
    console.error(error instanceof StartError ? `${name}: ${withoutPassword(error.message)}` : error);
    process.exitCode = 2;
  }
};
