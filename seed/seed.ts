import { parseArgs } from 'node:util';
import { COUPON_NAME_RULE, type CouponFields, isCouponName, type NewCoupon, newCoupon } from '@flashclaim/core';
import { StartError } from '@flashclaim/runtime';
import { COLLECTIONS, connectMongo, INDEXES, type Mongo, migrate, refuseEarlierLayout } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { readEnv } from './env.ts';
import data from './seed_data.json' with { type: 'json' };

export interface SeededCoupon extends NewCoupon {
  remaining: number;
  /** False if it existed before; then it was not changed. */
  created: boolean;
}

const USAGE = `npm run seed  creates the missing coupons of seed/seed_data.json
  -- --migrate  migrates the database first, if it has the layout of an earlier version
  -- --help     prints this

The database is MONGO_DB of MONGO_URI. If MONGO_URI is not set: the database of npm start, running or not.`;

const CONNECT_MAX_MS = 5_000;

/**
 * Creates the coupons that do not exist yet, by default those of `seed_data.json`. Never changes an existing coupon, because its
 * sale may have started.
 * @throws StartError if a name is invalid, or the database has the layout of an earlier version; then it creates nothing.
 */
export const seedCoupons = async (db: Db, coupons: readonly NewCoupon[] = data.coupons): Promise<SeededCoupon[]> => {
  const wrong = coupons.find(({ name }) => !isCouponName(name));
  if (wrong)
    throw new StartError(`${JSON.stringify(wrong.name)} is not a valid coupon name: it must be ${COUPON_NAME_RULE}.`);
  await refuseEarlierLayout(db);
  // The apps may not have created the indexes yet, and two seeds at once must not create two coupons of one name.
  await db.collection(COLLECTIONS.coupons).createIndexes(INDEXES.coupons.map((index) => ({ ...index })));
  const { localTime: now } = await db.command({ hello: 1 });
  return Promise.all(coupons.map((coupon) => seedCoupon(db, newCoupon(coupon, now))));
};

const seedCoupon = async (db: Db, { name, ...rest }: CouponFields): Promise<SeededCoupon> => {
  const before = await db
    .collection(COLLECTIONS.coupons)
    .findOneAndUpdate({ name }, { $setOnInsert: rest }, { upsert: true, returnDocument: 'before' });
  return {
    name,
    amount: before?.['amount'] ?? rest.amount,
    remaining: before?.['remaining_amount'] ?? rest.amount,
    created: before === null,
  };
};

const printTable = (coupons: SeededCoupon[], database: string): void => {
  const title = `coupon in ${database}`;
  const width = Math.max(title.length, ...coupons.map(({ name }) => name.length));
  console.log(`${title.padEnd(width)}  ${'amount'.padStart(10)}  ${'remaining'.padStart(10)}`);
  for (const { name, amount, remaining, created } of coupons) {
    const numbers = [amount, remaining].map((number) => `${number}`.padStart(10)).join('  ');
    console.log(`${name.padEnd(width)}  ${numbers}  ${created ? 'created' : 'existed, unchanged'}`);
  }
};

/**
 * The options of the command. Prints the usage and ends this process after `--help`.
 * @throws StartError with the usage on any other argument.
 */
export const readSeedOptions = (): { migrate: boolean } => {
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { help, migrate } = parseArgs({ options: { migrate: flag, help: flag } }).values;
    if (!help) return { migrate };
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
  console.log(USAGE);
  process.exit(0);
};

/** Migrates first if asked to, creates the missing coupons, and prints both. */
export const seedAndPrint = async (mongo: Mongo, database: string, options: { migrate: boolean }): Promise<void> => {
  if (options.migrate) {
    const { isMigrated, claims, coupons } = await migrate(mongo);
    if (isMigrated) console.log(`migrated: ${claims} claims numbered, ${coupons} coupons completed\n`);
  }
  printTable(await seedCoupons(mongo.db), database);
};

/** Seeds the MongoDB of the environment, in a container. `npm run seed` also finds that of `npm start`. */
const run = async (): Promise<void> => {
  const options = readSeedOptions();
  const { MONGO_URI, MONGO_DB } = readEnv();
  const mongo = await connectMongo(MONGO_URI, MONGO_DB, { serverSelectionTimeoutMS: CONNECT_MAX_MS });
  try {
    await seedAndPrint(mongo, MONGO_DB, options);
  } finally {
    await mongo.client.close();
  }
};

if (import.meta.main) {
  await run().catch((error: unknown) => {
    console.error(error instanceof StartError ? `seed: ${error.message}` : error);
    process.exitCode = 1;
  });
}
