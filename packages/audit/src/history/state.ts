import type { ClaimFields, CouponFields } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import type { ObjectId, WithId } from 'mongodb';

/** A claim in the database. */
export interface ExistingClaim {
  id: string;
  user: string;
  coupon: string;
  sequence: number;
  /** Whether it holds its unit, that is, whether it was not released. */
  live: boolean;
  /** Database time in ms since the epoch, as `endedAt`. */
  claimedAt: number;
  endedAt?: number | undefined;
}

/** A coupon in the database. */
export interface ExistingCoupon {
  amount: number;
  remaining: number;
  issued: number;
  version: number;
  /** Database time in ms since the epoch, as `endsAt`. Absent: no limit. */
  startsAt?: number | undefined;
  endsAt?: number | undefined;
  /** Absent: not paused. */
  paused?: boolean | undefined;
}

/** The coupons of a history and their claims in the database, after the history ended. */
export interface State {
  coupons: ReadonlyMap<string, ExistingCoupon>;
  claims: readonly ExistingClaim[];
}

/** Reads the coupons of these names and all their claims in one snapshot. */
export const readState = async ({ client, coupons, claims }: Mongo, names: Iterable<string>): Promise<State> =>
  client.withSession({ snapshot: true }, async (session) => {
    // Set for every read: the connection's own read concern would override the snapshot of the session silently.
    const reading = { session, readConcern: 'snapshot' } as const;
    const found = await coupons.find({ name: { $in: [...names] } }, reading).toArray();
    const projection = { user_id: 1, coupon_id: 1, sequence: 1, ordinal: 1, claimed_at: 1, ended_at: 1 };
    const existing = await claims
      .find({ coupon_id: { $in: found.map(({ _id }) => _id) } }, { ...reading, projection })
      .toArray();
    return toState(found, existing);
  });

/** The state of these coupons and claims, as MongoDB stores them. */
export const toState = (coupons: readonly WithId<CouponFields>[], claims: readonly ClaimFields<ObjectId>[]): State => {
  const nameOf = new Map(coupons.map(({ _id, name }) => [_id.toHexString(), name]));
  return {
    coupons: new Map(
      coupons.map(({ name, amount, remaining_amount: remaining, issued, version, starts_at, ends_at, paused }) => [
        name,
        { amount, remaining, issued, version, startsAt: starts_at?.getTime(), endsAt: ends_at?.getTime(), paused },
      ]),
    ),
    claims: claims.map(({ _id, user_id, coupon_id, sequence, ordinal, claimed_at, ended_at }) => ({
      id: _id,
      user: user_id,
      coupon: nameOf.get(coupon_id.toHexString()) as string,
      sequence,
      live: ordinal !== undefined,
      claimedAt: claimed_at.getTime(),
      endedAt: ended_at?.getTime(),
    })),
  };
};
