import type { Mongo } from '@flashclaim/store';

/** A claim in the database. */
export interface ExistingClaim {
  id: string;
  user: string;
  coupon: string;
}

/** The coupons of a history and their claims in the database, after the history ended. */
export interface State {
  coupons: ReadonlyMap<string, { amount: number; remaining: number }>;
  claims: readonly ExistingClaim[];
}

/** Reads the coupons of these names and all their claims in one snapshot. */
export const readState = async ({ client, coupons, claims }: Mongo, names: Iterable<string>): Promise<State> =>
  client.withSession({ snapshot: true }, async (session) => {
    // Set for every read: the connection's own read concern would override the snapshot of the session silently.
    const reading = { session, readConcern: 'snapshot' } as const;
    const found = await coupons.find({ name: { $in: [...names] } }, reading).toArray();
    const nameOf = new Map(found.map(({ _id, name }) => [_id.toHexString(), name]));
    const existing = await claims
      .find(
        { coupon_id: { $in: found.map(({ _id }) => _id) } },
        { ...reading, projection: { user_id: 1, coupon_id: 1 } },
      )
      .toArray();
    return {
      coupons: new Map(
        found.map(({ name, amount, remaining_amount }) => [name, { amount, remaining: remaining_amount }]),
      ),
      claims: existing.map(({ _id, user_id, coupon_id }) => ({
        id: _id,
        user: user_id,
        coupon: nameOf.get(coupon_id.toHexString()) as string,
      })),
    };
  });
