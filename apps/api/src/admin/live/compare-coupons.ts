import { QUERY_TIMEOUT_MS } from '@flashclaim/core';
import { COLLECTIONS, type Mongo } from '@flashclaim/store';
import type { ObjectId } from 'mongodb';
import type { Comparison } from './live-state.ts';

/** Claims of a coupon that are counted for the live page. `npm run audit` counts more. */
const LIVE_COMPARE_MAX_CLAIMS = 20_000;

/**
 * Counts the live claims of coupons and compares them with the stock, all in one snapshot, so that it is right during a sale.
 * Coupons with very many claims, released ones among them, are left out. `npm run audit` checks all.
 */
export const compareCoupons = async ({ coupons }: Mongo, ids: readonly ObjectId[]): Promise<Omit<Comparison, 'at'>> => {
  const found = await coupons
    .aggregate<Comparison['wrong'][number] & { all: number }>(
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
            name: 1,
            amount: 1,
            remaining: '$remaining_amount',
            claims: { $ifNull: [{ $first: '$counted.live' }, 0] },
            all: { $ifNull: [{ $first: '$counted.all' }, 0] },
          },
        },
      ],
      { readConcern: 'snapshot', maxTimeMS: QUERY_TIMEOUT_MS },
    )
    .toArray();
  const counted = found.filter(({ all }) => all <= LIVE_COMPARE_MAX_CLAIMS);
  return {
    compared: counted.length,
    tooLarge: found.length - counted.length,
    wrong: counted
      .filter(({ amount, remaining, claims }) => remaining + claims !== amount)
      .map(({ name, amount, remaining, claims }) => ({ name, amount, remaining, claims })),
  };
};
