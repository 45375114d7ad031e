/** `npm run seed`: creates the missing coupons in the MongoDB that it finds. Containers run seed/seed.ts, which knows its own. */
import { StartError } from '@flashclaim/runtime';
import { readSeedOptions, seedAndPrint } from '@flashclaim/seed';
import { readEnv } from './env.ts';
import { runCommand } from './run-command.ts';

try {
  const options = readSeedOptions();
  await runCommand('seed', async (mongo, where) => {
    console.log(`Seeding ${where}\n`);
    await seedAndPrint(mongo, readEnv().MONGO_DB, options);
    return 0;
  });
} catch (error) {
  console.error(error instanceof StartError ? `seed: ${error.message}` : error);
  process.exitCode = 2;
}
