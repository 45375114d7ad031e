import { type Recount, recount } from '@flashclaim/audit';
import { type CouponFields, newCoupon } from '@flashclaim/core';
import { connectMongo, ensureCollections, type Mongo } from '@flashclaim/store';
import { ObjectId, type WithId } from 'mongodb';
import type { NewStock } from './candidate.ts';

/** The bench's own connection to a candidate's database: inserts coupons before a run, and recounts after it. */
export interface CouponStore {
  mongo: Mongo;
  add(stock: NewStock): Promise<void>;
  /** Taken units of these coupons by their stock: cheap, and the audit after the run verifies it. */
  taken(names: readonly string[]): Promise<number>;
  /** Resolves once no unit has been taken for a while. */
  settle(): Promise<void>;
  audit(names: readonly string[]): Promise<Recount>;
  /** Drops the database. */
  close(): Promise<void>;
}

const QUIET_MS = 250;
const SETTLE_MAX_MS = 30_000;
const INSERT_MAX = 10_000;

export const openCouponStore = async (uri: string, name: string): Promise<CouponStore> => {
  const mongo = await connectMongo(uri, name, { appName: 'flashclaim-bench' });
  await ensureCollections(mongo.db);
  return {
    mongo,
    add: (stock) => add(mongo, stock),
    taken: (names) => taken(mongo, { name: { $in: [...names] } }),
    settle: () => settle(mongo),
    audit: (names) => recount(mongo, { names }),
    close: async () => {
      // If this fails, the database disappears with the stack.
      await mongo.db.dropDatabase().catch(() => {});
      await mongo.client.close();
    },
  };
};

/** Inserts coupons, with claims for the units that are already claimed. */
const add = async (mongo: Mongo, { names, amount, claimed = 0 }: NewStock): Promise<void> => {
  // biome-ignore lint/plugin/wall-clock: a timestamp: when the coupons were created.
  const now = new Date();
  const coupons = names.map((name) => ({
    _id: new ObjectId(),
    ...newCoupon({ name, amount }, now),
    remaining_amount: amount - claimed,
    issued: claimed,
  }));
  await mongo.coupons.insertMany(coupons);
  for (const coupon of coupons)
    for (let first = 0; first < claimed; first += INSERT_MAX)
      await addClaims(mongo, coupon, first, Math.min(claimed, first + INSERT_MAX));
};

/** Inserts claims with ids that sort before the ids of later claims. */
const addClaims = async (
  { claims }: Mongo,
  coupon: WithId<CouponFields>,
  first: number,
  end: number,
): Promise<void> => {
  const documents = Array.from({ length: end - first }, (_, index) => ({
    _id: `00000000-0000-7000-${coupon._id.toHexString().slice(-8)}-${`${first + index}`.padStart(12, '0')}`,
    user_id: `early-${first + index}`,
    coupon_id: coupon._id,
    coupon_name: coupon.name,
    claimed_at: coupon.created_at,
    sequence: first + index + 1,
    ordinal: 1 as const,
  }));
  await claims.insertMany(documents, { ordered: false });
};

const taken = async ({ coupons }: Mongo, filter: object): Promise<number> => {
  const sum = { $group: { _id: null, units: { $sum: { $subtract: ['$amount', '$remaining_amount'] } } } };
  const found = await coupons.aggregate<{ units: number }>([{ $match: filter }, sum]).next();
  return found?.units ?? 0;
};

const settle = async (mongo: Mongo): Promise<void> => {
  const deadline = performance.now() + SETTLE_MAX_MS;
  let before = await taken(mongo, {});
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    const after = await taken(mongo, {});
    if (after === before) return;
    if (performance.now() > deadline)
      throw new Error(`Claims were still decided ${SETTLE_MAX_MS / 1000} s after the load.`);
    before = after;
  }
};
