import type { ClaimFields } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import type { Filter, ObjectId } from 'mongodb';
import { AT_SNAPSHOT } from './at-snapshot.ts';

/** Claims with the same wrong coupon. */
export interface Orphans {
  couponId: string;
  /** The name in the claims. */
  couponName: string;
  /** The name of the coupon with this id; missing if there is no such coupon. */
  realName?: string;
  claims: number;
}

/** Finds claims whose coupon does not exist or has another name. Reads both collections in one snapshot. */
export const findOrphans = ({ coupons, claims }: Mongo, filter: Filter<ClaimFields<ObjectId>>): Promise<Orphans[]> =>
  claims
    .aggregate<Orphans>(
      [
        { $match: filter },
        { $group: { _id: { id: '$coupon_id', name: '$coupon_name' }, claims: { $sum: 1 } } },
        { $lookup: { from: coupons.collectionName, localField: '_id.id', foreignField: '_id', as: 'coupon' } },
        {
          $match: {
            $expr: { $or: [{ $eq: ['$coupon', []] }, { $ne: [{ $first: '$coupon.name' }, '$_id.name'] }] },
          },
        },
        {
          $project: {
            _id: 0,
            couponId: { $toString: '$_id.id' },
            couponName: '$_id.name',
            realName: { $first: '$coupon.name' },
            claims: 1,
          },
        },
      ],
      AT_SNAPSHOT,
    )
    .toArray();
