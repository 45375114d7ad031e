import { parseArgs } from 'node:util';
import { COUPON_NAME_RULE, isCouponName, type NewCoupon, newCoupon } from '@flashclaim/core';
import { StartError } from '@flashclaim/runtime';
import { COLLECTIONS, connectMongo, INDEXES } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { readEnv } from './env.ts';
import data from './seed_data.json' with { type: 'json' };

export interface SeededCoupon extends NewCoupon {
  remaining: number;
  /** False if it existed before; then it was not changed. */
  created: boolean;
}

const USAGE = `npm run seed  creates the missing coupons of seed/seed_data.json in MONGO_DB of MONGO_URI
  -- --help   prints this`;

const CONNECT_MAX_MS = 5_000;

/**
 * Creates the coupons that do not exist yet, by default those of `seed_data.json`. Never changes an existing coupon, because its
 * sale may have started.
 * @throws StartError if a name is invalid; then it creates nothing.
 */
export const seedCoupons = async (db: Db, coupons: readonly NewCoupon[] = data.coupons): Promise<SeededCoupon[]> => {
  const wrong = coupons.find(({ name }) => !isCouponName(name));
  if (wrong)
    throw new StartError(`${JSON.stringify(wrong.name)} is not a valid coupon name: it must be ${COUPON_NAME_RULE}.`);
  // The apps may not have created the indexes yet, and two seeds at once must not create two coupons of one name.
  await db.collection(COLLECTIONS.coupons).createIndexes(INDEXES.coupons.map((index) => ({ ...index })));
  return Promise.all(coupons.map((coupon) => seedCoupon(db, coupon)));
};

const seedCoupon = async (db: Db, coupon: NewCoupon): Promise<SeededCoupon> => {
  // biome-ignore lint/plugin/wall-clock: a timestamp: when the coupon was created.
  const { name, ...rest } = newCoupon(coupon, new Date());
  const before = await db
    .collection(COLLECTIONS.coupons)
    .findOneAndUpdate({ name }, { $setOnInsert: rest }, { upsert: true, returnDocument: 'before' });
  return {
    name,
    amount: before?.['amount'] ?? coupon.amount,
    remaining: before?.['remaining_amount'] ?? coupon.amount,
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
const wantsHelp = (): boolean => {
  try {
    return parseArgs({ options: { help: { type: 'boolean', default: false } } }).values.help;
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${USAGE}`);
  }
};

const run = async (): Promise<void> => {
  if (wantsHelp()) return console.log(USAGE);
  const { MONGO_URI, MONGO_DB } = readEnv();
  const { client, db } = await connectMongo(MONGO_URI, MONGO_DB, { serverSelectionTimeoutMS: CONNECT_MAX_MS });
  try {
    printTable(await seedCoupons(db), MONGO_DB);
  } finally {
    await client.close();
  }
};

if (import.meta.main) {
  await run().catch((error: unknown) => {
    console.error(error instanceof StartError ? `seed: ${error.message}` : error);
    process.exitCode = 1;
  });
}
