import { parseArgs } from 'node:util';
import { COUPON_NAME_RULE, isCouponName, type NewCoupon, newCoupon } from '@flashclaim/core';
import { StartError } from '@flashclaim/runtime';
import { COLLECTIONS, connectMongo, INDEXES } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { readEnv } from './env.ts';
import data from './seed_data.json' with { type: 'json' };

export interface SeededCoupon extends NewCoupon {
  remaining: number;
  /** False where it was there before; then nothing of it was changed. */
  created: boolean;
}

const USAGE = `npm run seed  creates the coupons of seed/seed_data.json that are not there yet, in MONGO_DB of MONGO_URI
  -- --help   prints this`;

const CONNECT_MAX_MS = 5_000;

/**
 * Creates the coupons of `seed_data.json`, or these, that are not there yet. Never changes one that is: its sale may be under way.
 * @throws StartError where one has a name that nobody could claim; nothing is created then.
 */
export const seedCoupons = async (db: Db, coupons: readonly NewCoupon[] = data.coupons): Promise<SeededCoupon[]> => {
  const wrong = coupons.find(({ name }) => !isCouponName(name));
  if (wrong)
    throw new StartError(`${JSON.stringify(wrong.name)} can't be a coupon's name: that is ${COUPON_NAME_RULE}.`);
  // The first start may be yet to come, and two seeds at once must not make two coupons of one name.
  await db.collection(COLLECTIONS.coupons).createIndexes(INDEXES.coupons.map((index) => ({ ...index })));
  return Promise.all(coupons.map((coupon) => seedCoupon(db, coupon)));
};

const seedCoupon = async (db: Db, coupon: NewCoupon): Promise<SeededCoupon> => {
  // biome-ignore lint/plugin/wall-clock: a stamp: when the coupon was created.
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
    console.log(`${name.padEnd(width)}  ${numbers}  ${created ? 'created' : 'was there, left alone'}`);
  }
};

/** @throws StartError with the usage where there is any other argument. */
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
