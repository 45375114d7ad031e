import type { Mongo } from '@flashclaim/store';

/** A claim that stands in the database. */
export interface ExistingClaim {
  id: string;
  user: string;
  coupon: string;
}

/** What the database says of the coupons of a history, once that is over. */
export interface State {
  coupons: ReadonlyMap<string, { amount: number; remaining: number }>;
  claims: readonly ExistingClaim[];
}

/** Reads the coupons of these names and all their claims, in one snapshot. */
export const readState = async ({ client, coupons, claims }: Mongo, names: Iterable<string>): Promise<State> =>
  client.withSession({ snapshot: true }, async (session) => {
    // Said with every read: the connection's own read concern would silently win over the snapshot of the session.
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
