import type { Mongo } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import { type CouponUnits, countUnits } from './count-units.ts';
import { findDuplicates } from './find-duplicates.ts';
import { findOrphans, type Orphans } from './find-orphans.ts';

/** The number of faults of each kind; all 0 if everything is correct. */
export interface Faults {
  /** Live claims beyond the amount of their coupon. */
  oversold: number;
  /** Live claims of a user on a coupon beyond the first. */
  double: number;
  /** Units that are neither in stock nor claimed, or both: how far remaining + live claims is from the amount. */
  lost: number;
  /** Claims whose coupon does not exist, or has another name than the claim says. */
  orphaned: number;
  /** Sequence numbers of a coupon that no claim or several claims have, and claims with a number that was never given. */
  misnumbered: number;
  /** Claims that are both live and ended, or neither. */
  malformed: number;
}

export interface CountedCoupon extends CouponUnits, Omit<Faults, 'orphaned'> {}

export interface Recount extends Faults {
  coupons: number;
  /** Live claims of these coupons, by coupon id. */
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

/** The three steps, in this order. Each reads all claims. */
export type Step = 'double' | 'orphaned' | 'units';

const LARGEST_MAX = 20;

/**
 * Recounts coupons claim by claim: trusts neither `remaining_amount` nor an index. Also checks by the sequence numbers, which need
 * no stock: a coupon's claims, live or ended, have the numbers 1, 2, 3 … each once. Only reads. The result is correct during a
 * sale too, because values that are compared come from one snapshot. Keeps only faulty and large coupons in memory.
 */
export const recount = async (mongo: Mongo, { names, onProgress }: RecountOptions = {}): Promise<Recount> => {
  const report = onProgress ?? (() => {});
  const ids = names && (await idsOf(mongo, names));
  const claims = ids ? { coupon_id: { $in: ids } } : {};
  const total = ids ? await mongo.claims.countDocuments(claims) : await mongo.claims.estimatedDocumentCount();

  const duplicates = await findDuplicates(mongo, { ...claims, ordinal: 1 }, (done) => report('double', done, total));
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
    misnumbered: 0,
    malformed: 0,
    faulty: [],
    largest: [],
    orphans,
  };
  for await (const coupon of countUnits(mongo, ids, (done) => report('units', done, total))) {
    const { amount, remaining, claims } = coupon;
    add(found, {
      ...coupon,
      oversold: Math.max(0, claims - amount),
      double: duplicates.get(coupon.id) ?? 0,
      lost: Math.abs(amount - remaining - claims),
    });
  }
  report('units', total, total);
  found.largest = largestOf(found.largest);
  return found;
};

/** @throws Error if a coupon does not exist. */
const idsOf = async ({ coupons }: Mongo, names: readonly string[]): Promise<ObjectId[]> => {
  const found = await coupons.find({ name: { $in: [...names] } }, { projection: { _id: 1 } }).toArray();
  if (found.length !== names.length) throw new Error(`${names.length - found.length} coupons do not exist any more.`);
  return found.map((coupon) => coupon._id);
};

const add = (found: Recount, coupon: CountedCoupon): void => {
  found.coupons += 1;
  found.claims += coupon.claims;
  found.oversold += coupon.oversold;
  found.double += coupon.double;
  found.lost += coupon.lost;
  found.misnumbered += coupon.misnumbered;
  found.malformed += coupon.malformed;
  const { oversold, double, lost, misnumbered, malformed } = coupon;
  if (oversold + double + lost + misnumbered + malformed > 0) found.faulty.push(coupon);
  found.largest.push(coupon);
  if (found.largest.length >= LARGEST_MAX * 10) found.largest = largestOf(found.largest);
};

const largestOf = (coupons: readonly CountedCoupon[]): CountedCoupon[] =>
  coupons.toSorted((a, b) => b.claims - a.claims).slice(0, LARGEST_MAX);
