import { QUERY_TIMEOUT_MS } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import { ObjectId } from 'mongodb';
import type { Sale, ShownCoupon } from './live-state.ts';

/** Points of the curve of units left, at most. Each costs a search in an index, three times a second. */
const POINTS_MAX = 64;

/** Another coupon gets to the top where it sells this many times as fast. Less would change it back and forth. */
const FASTER_TIMES = 4;

/** A coupon on sale keeps its place for this long after its last change, unless another sells faster. */
const QUIET_MS = 2_000;

/** In the first frame of a sale, the rate is that of about this time. */
const RATE_OVER_MS = 1_000;

/** A read of the coupons, by the clock of the page and by database time. */
interface Read {
  shown: readonly ShownCoupon[];
  at: number;
  now: Date | undefined;
}

export type SoldCoupon = Pick<Sale, 'couponId' | 'points'>;

/** Chooses the coupon at the top of the page: the one that sells, else the one that changed last. Reads how it sold from the times of its claims. */
export class SaleReader {
  readonly #mongo: Mongo;
  #read: (SoldCoupon & Pick<ShownCoupon, 'issued' | 'remaining'>) | undefined;

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
  }

  /**
   * Resolves to the coupon at the top; to undefined where there is no coupon. Its rate is set in `shown` where that is not known
   * yet, because the coupon was not read before.
   */
  async read({ shown, at, now }: Read): Promise<SoldCoupon | undefined> {
    if (!now) return undefined;
    const top = this.#choose(shown, now.getTime());
    if (!top) return undefined;
    const { id, issued, remaining } = top;
    if (this.#read?.couponId !== id || this.#read.issued !== issued || this.#read.remaining !== remaining)
      this.#read = { couponId: id, issued, remaining, points: await this.#pointsOf(top, at - now.getTime()) };
    const { points } = this.#read;
    if (top.claimsPerSecond === 0) top.claimsPerSecond = rateOf(points, at);
    return { couponId: id, points };
  }

  #choose(shown: readonly ShownCoupon[], now: number): ShownCoupon | undefined {
    const [first] = shown.toSorted(bySale);
    const current = shown.find(({ id }) => id === this.#read?.couponId);
    if (!first || !current) return first;
    const isFaster = first.claimsPerSecond > FASTER_TIMES * Math.max(1, current.claimsPerSecond);
    const keepMs = current.state === 'open' || current.state === 'sold_out' ? QUIET_MS : 0;
    const isQuiet = current.claimsPerSecond === 0 && now > current.updatedAt + keepMs;
    const isLater = isOnSale(first) && first.updatedAt > current.updatedAt;
    return isFaster || (isQuiet && isLater) ? first : current;
  }

  /** The first grant, the last, and some between them. Their numbers do not change from read to read, so the curve keeps still. */
  async #pointsOf({ id, issued, remaining, amount }: ShownCoupon, toPageTime: number): Promise<Sale['points']> {
    let step = 1;
    while (issued / step > POINTS_MAX - 2) step *= 2;
    const between = Array.from({ length: Math.floor(issued / step) }, (_, index) => (index + 1) * step);
    const found = await this.#mongo.claims
      .find(
        { coupon_id: new ObjectId(id), sequence: { $in: [1, ...between, issued] } },
        { projection: { _id: 0, sequence: 1, claimed_at: 1 }, sort: { sequence: 1 }, maxTimeMS: QUERY_TIMEOUT_MS },
      )
      .toArray();
    // Counted back from now: what was released since was sold again, or is among the units left.
    return found.map(({ sequence, claimed_at }) => [
      claimed_at.getTime() + toPageTime,
      Math.min(amount, remaining + issued - sequence),
    ]);
  }
}

/** The grants per second in about the last second. */
const rateOf = (points: Sale['points'], at: number): number => {
  const recent = points.filter(([time]) => time > at - RATE_OVER_MS);
  const [first, last] = [recent[0], recent.at(-1)];
  if (!first || !last) return 0;
  return (first[1] - last[1] + 1) / Math.max(1 / 3, (at - first[0]) / 1_000);
};

const isOnSale = ({ state, issued }: ShownCoupon): boolean => state === 'open' || issued > 0;

/** The fastest first, then those that are or were on sale, then the latest change. */
const bySale = (a: ShownCoupon, b: ShownCoupon): number =>
  b.claimsPerSecond - a.claimsPerSecond || Number(isOnSale(b)) - Number(isOnSale(a)) || b.updatedAt - a.updatedAt;
