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

const USAGE = `npm run seed  creates the missing coupons of seed/seed_data.json in MONGO_DB of MONGO_URI
  -- --migrate  migrates the database first, if it has the layout of an earlier version
  -- --help     prints this`;

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

/** @throws StartError with the usage on any other argument. */
const readOptions = () => {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ options: { migrate: flag, help: flag } }).values;
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
};

const migrateFirst = async (mongo: Mongo): Promise<void> => {
  const { isMigrated, claims, coupons } = await migrate(mongo);
  if (isMigrated) console.log(`migrated: ${claims} claims numbered, ${coupons} coupons completed\n`);
};

const run = async (): Promise<void> => {
  const options = readOptions();
  if (options.help) return console.log(USAGE);
  const { MONGO_URI, MONGO_DB } = readEnv();
  const mongo = await connectMongo(MONGO_URI, MONGO_DB, { serverSelectionTimeoutMS: CONNECT_MAX_MS });
  try {
    if (options.migrate) await migrateFirst(mongo);
    printTable(await seedCoupons(mongo.db), MONGO_DB);
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
