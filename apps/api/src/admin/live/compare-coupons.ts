import { QUERY_TIMEOUT_MS } from '@flashclaim/core';
import { COLLECTIONS, type Mongo } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import type { Comparison } from './live-state.ts';

/** Claims of a coupon that are counted for the live page. `npm run audit` counts more. */
const LIVE_COMPARE_MAX_CLAIMS = 20_000;

interface CountedCoupon {
  id: ObjectId;
  name: string;
  amount: number;
  remaining: number;
  /** Live claims. */
  claims: number;
  /** All of them were counted. */
  isWhole: boolean;
}

/** Counts the live claims of coupons, all in one snapshot, so that it is right during a sale. Of very many, it counts a part. */
export const countClaims = ({ coupons }: Mongo, ids: readonly ObjectId[]): Promise<CountedCoupon[]> =>
  coupons
    .aggregate<CountedCoupon>(
      [
        { $match: { _id: { $in: [...ids] } } },
        {
          $lookup: {
            from: COLLECTIONS.claims,
            localField: '_id',
            foreignField: 'coupon_id',
            pipeline: [
              { $limit: LIVE_COMPARE_MAX_CLAIMS + 1 },
              // A live claim has the ordinal 1, and a released one has none.
              { $group: { _id: null, all: { $sum: 1 }, live: { $sum: '$ordinal' } } },
            ],
            as: 'counted',
          },
        },
        {
          $project: {
            _id: 0,
            id: '$_id',
            name: 1,
            amount: 1,
            remaining: '$remaining_amount',
            claims: { $ifNull: [{ $first: '$counted.live' }, 0] },
            isWhole: { $lte: [{ $ifNull: [{ $first: '$counted.all' }, 0] }, LIVE_COMPARE_MAX_CLAIMS] },
          },
        },
      ],
      { readConcern: 'snapshot', maxTimeMS: QUERY_TIMEOUT_MS },
    )
    .toArray();

/** Whether the stock and the live claims of a coupon add up to its amount. */
export const isExact = ({ amount, remaining, claims }: CountedCoupon): boolean => remaining + claims === amount;

/** Compares the live claims of coupons with their stock. `npm run audit` checks more. */
export const compareCoupons = async (mongo: Mongo, ids: readonly ObjectId[]): Promise<Omit<Comparison, 'at'>> => {
  const found = await countClaims(mongo, ids);
  const counted = found.filter(({ isWhole }) => isWhole);
  const idsOf = (coupons: CountedCoupon[]) => coupons.map(({ id }) => id.toHexString());
  return {
    matching: idsOf(counted.filter(isExact)),
    tooLarge: idsOf(found.filter(({ isWhole }) => !isWhole)),
    wrong: counted
      .filter((coupon) => !isExact(coupon))
      .map(({ name, amount, remaining, claims }) => ({ name, amount, remaining, claims })),
  };
};
