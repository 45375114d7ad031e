import { type CouponFields, LIVE_COUPONS_MAX, stateOf } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import { ObjectId } from 'mongodb';
import { READ_PROJECTION, type ReadFields } from '../../coupons/read-coupon.ts';
import type { ShownCoupon } from './live-state.ts';

/** The latest claims in which coupons to show are searched. */
const LIVE_CLAIMS_SEARCHED_MAX = 200;

/** The claims per second are those of about the last second. */
const RATE_OVER_MS = 1_000;

interface Reading {
  at: number;
  issued: number;
}

type ReadCoupon = ReadFields & Pick<CouponFields, 'issued'>;

const PROJECTION = { ...READ_PROJECTION, issued: 1 };

/** Reads the coupons on the page: those that were claimed or created last, with their stock from MongoDB. */
export class CouponReader {
  readonly #mongo: Mongo;
  #candidates: ObjectId[] = [];
  readonly #readings = new Map<string, Reading[]>();

  constructor(mongo: Mongo) {
    this.#mongo = mongo;
  }

  /** The coupons that the last read returned. */
  get shown(): readonly ObjectId[] {
    return this.#candidates.slice(0, LIVE_COUPONS_MAX);
  }

  /**
   * Finds coupons to show: the newest, those of the latest claims, and those that are shown. It needs no index on the time of
   * the last claim, which every claim would have to write.
   */
  async find(): Promise<void> {
    const { coupons, claims } = this.#mongo;
    const [newest, latest] = await Promise.all([
      coupons.find({}, { projection: { _id: 1 }, sort: { _id: -1 }, limit: LIVE_COUPONS_MAX }).toArray(),
      claims
        .find({}, { projection: { _id: 0, coupon_id: 1 }, sort: { $natural: -1 }, limit: LIVE_CLAIMS_SEARCHED_MAX })
        .toArray(),
    ]);
    const ids = [...this.shown, ...newest.map(({ _id }) => _id), ...latest.map(({ coupon_id }) => coupon_id)];
    this.#candidates = [...new Map(ids.map((id) => [id.toHexString(), id])).values()];
  }

  /**
   * Reads the stock, also of coupons that were created after the last search. The newest coupon is first, so that no coupon
   * moves while it is claimed. `now` is the database time of the read.
   */
  async read(): Promise<{ shown: ShownCoupon[]; now: Date | undefined }> {
    const known = this.#candidates;
    const found = await this.#mongo.coupons
      .find<ReadCoupon>(
        { $or: [{ _id: { $in: known } }, { _id: { $gt: newestOf(known) } }] },
        { projection: PROJECTION, sort: { _id: -1 }, limit: known.length + LIVE_COUPONS_MAX },
      )
      .toArray();
    const at = performance.now();
    const now = found[0]?.now;
    const shown = found
      .sort((a, b) => b.updated_at.getTime() - a.updated_at.getTime())
      .slice(0, LIVE_COUPONS_MAX)
      .sort((a, b) => (a._id.toHexString() < b._id.toHexString() ? 1 : -1));
    const rest = this.#candidates.filter((id) => !shown.some(({ _id }) => _id.equals(id)));
    this.#candidates = [...shown.map(({ _id }) => _id), ...rest];
    const gone = new Set(this.#readings.keys());
    const described = shown.map((coupon) => {
      gone.delete(coupon._id.toHexString());
      return this.#describe(coupon, at);
    });
    for (const id of gone) this.#readings.delete(id);
    return { shown: described, now };
  }

  #describe(coupon: ReadCoupon, at: number): ShownCoupon {
    const { name, amount, remaining_amount: remaining, version, paused = false, starts_at, ends_at, now } = coupon;
    const state = stateOf(coupon, now);
    return {
      ...{ id: coupon._id.toHexString(), name, amount, remaining, issued: coupon.issued, state, version, paused },
      claimsPerSecond: this.#rateOf(coupon, at),
      startsAt: starts_at?.getTime(),
      endsAt: ends_at?.getTime(),
      opensInMs: starts_at && state === 'scheduled' ? starts_at.getTime() - now.getTime() : undefined,
      createdAt: coupon.created_at.getTime(),
      updatedAt: coupon.updated_at.getTime(),
    };
  }

  /** The grants per second. Stock would also change by releases, and with the amount. */
  #rateOf({ _id, issued }: ReadCoupon, at: number): number {
    const id = _id.toHexString();
    const earlier = (this.#readings.get(id) ?? []).filter((reading) => reading.at >= at - 2 * RATE_OVER_MS);
    // Keeps one reading that is a second old, to measure the rate from.
    while (earlier[1] && earlier[1].at <= at - RATE_OVER_MS) earlier.shift();
    const [from] = earlier;
    this.#readings.set(id, [...earlier, { at, issued }]);
    return from ? Math.max(0, (issued - from.issued) / ((at - from.at) / 1_000)) : 0;
  }
}

const newestOf = (ids: readonly ObjectId[]): ObjectId =>
  ids.reduce((newest, id) => (id.toHexString() > newest.toHexString() ? id : newest), new ObjectId('0'.repeat(24)));
