import type { Mongo } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import { AT_SNAPSHOT } from './at-snapshot.ts';
import { findDuplicates } from './find-duplicates.ts';
import { findOrphans, type Orphans } from './find-orphans.ts';

/** The number of faults of each kind; all 0 if everything is correct. */
export interface Faults {
  /** Claims beyond the amount of their coupon. */
  oversold: number;
  /** Claims of a user on a coupon beyond the first. */
  double: number;
  /** Units that are neither in stock nor claimed, or both: how far remaining + claims is from the amount. */
  lost: number;
  /** Claims whose coupon does not exist, or has another name than the claim says. */
  orphaned: number;
}

export interface CountedCoupon extends Omit<Faults, 'orphaned'> {
  id: string;
  name: string;
  amount: number;
  remaining: number;
  claims: number;
}

export interface Recount extends Faults {
  coupons: number;
  /** Claims of these coupons, by coupon id. */
  claims: number;
  /** Every coupon that has a fault. */
  faulty: CountedCoupon[];
  /** The coupons with the most claims, most first. */
  largest: CountedCoupon[];
  orphans: Orphans[];
}

export interface RecountOptions {
  /** Only the coupons of these names; by default all coupons and all claims. */
  names?: readonly string[];
  onProgress?: (step: Step, done: number, total: number) => void;
}

/** The three steps, in this order. They read the claims, the claims, and the coupons. */
export type Step = 'double' | 'orphaned' | 'units';

const LARGEST_MAX = 20;

/**
 * Recounts coupons claim by claim: trusts neither `remaining_amount` nor an index. Only reads. The result is correct during a
 * sale too, because values that are compared come from one snapshot. Keeps only faulty and large coupons in memory.
 */
export const recount = async (mongo: Mongo, { names, onProgress }: RecountOptions = {}): Promise<Recount> => {
  const report = onProgress ?? (() => {});
  const ids = names && (await idsOf(mongo, names));
  const claims = ids ? { coupon_id: { $in: ids } } : {};
  const total = ids ? await mongo.claims.countDocuments(claims) : await mongo.claims.estimatedDocumentCount();

  const duplicates = await findDuplicates(mongo, claims, (done) => report('double', done, total));
  report('double', total, total);
  report('orphaned', 0, total);
  const orphans = await findOrphans(mongo, claims);
  report('orphaned', total, total);

  const found: Recount = {
    coupons: 0,
    claims: 0,
    oversold: 0,
    double: 0,
    lost: 0,
    orphaned: orphans.reduce((sum, { claims }) => sum + claims, 0),
    faulty: [],
    largest: [],
    orphans,
  };
  const coupons = ids?.length ?? (await mongo.coupons.estimatedDocumentCount());
  for await (const coupon of countUnits(mongo, ids)) {
    add(found, { ...coupon, double: duplicates.get(coupon.id) ?? 0 });
    report('units', found.coupons, coupons);
  }
  found.largest = largestOf(found.largest);
  return found;
};

/** @throws Error if a coupon does not exist. */
const idsOf = async ({ coupons }: Mongo, names: readonly string[]): Promise<ObjectId[]> => {
  const found = await coupons.find({ name: { $in: [...names] } }, { projection: { _id: 1 } }).toArray();
  if (found.length !== names.length) throw new Error(`${names.length - found.length} coupons do not exist any more.`);
  return found.map((coupon) => coupon._id);
};

/** Counts the claims of each coupon in one command, and so in one snapshot. MongoDB counts them by their index. */
async function* countUnits({ coupons, claims }: Mongo, ids: ObjectId[] | undefined) {
  const claimsOf = { from: claims.collectionName, localField: '_id', foreignField: 'coupon_id' };
  const cursor = coupons.aggregate<Pick<CountedCoupon, 'id' | 'name' | 'amount' | 'remaining' | 'claims'>>(
    [
      ...(ids ? [{ $match: { _id: { $in: ids } } }] : []),
      { $lookup: { ...claimsOf, pipeline: [{ $count: 'claims' }], as: 'counted' } },
      {
        $project: {
          _id: 0,
          id: { $toString: '$_id' },
          name: 1,
          amount: 1,
          remaining: '$remaining_amount',
          claims: { $ifNull: [{ $first: '$counted.claims' }, 0] },
        },
      },
    ],
    AT_SNAPSHOT,
  );
  for await (const coupon of cursor) {
    const { amount, remaining, claims } = coupon;
    yield { ...coupon, oversold: Math.max(0, claims - amount), lost: Math.abs(amount - remaining - claims) };
  }
}

const add = (found: Recount, coupon: CountedCoupon): void => {
  found.coupons += 1;
  found.claims += coupon.claims;
  found.oversold += coupon.oversold;
  found.double += coupon.double;
  found.lost += coupon.lost;
  if (coupon.oversold + coupon.double + coupon.lost > 0) found.faulty.push(coupon);
  found.largest.push(coupon);
  if (found.largest.length >= LARGEST_MAX * 10) found.largest = largestOf(found.largest);
};

const largestOf = (coupons: readonly CountedCoupon[]): CountedCoupon[] =>
  coupons.toSorted((a, b) => b.claims - a.claims).slice(0, LARGEST_MAX);
