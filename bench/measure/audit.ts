import type { Mongo } from '@flashclaim/service';

/** A recount of coupons. All but `claims` are 0 where everything is in order. */
export interface Audit {
  claims: number;
  /** Claims beyond the amount. */
  oversold: number;
  /** Claims of a user beyond the first. */
  double: number;
  /** Units that are neither in stock nor claimed, or both. */
  astray: number;
}

/** Recounts coupons claim by claim: believes neither `remaining_amount` nor the unique index. */
export const auditCoupons = async ({ coupons, claims }: Mongo, names: readonly string[]): Promise<Audit> => {
  const found = await coupons.find({ name: { $in: [...names] } }).toArray();
  if (found.length !== names.length) throw new Error(`${names.length - found.length} coupons are gone.`);
  const counted = await claims
    .aggregate<{ _id: string; claims: number; users: number }>(
      [
        { $match: { coupon_id: { $in: found.map((coupon) => coupon._id) } } },
        { $group: { _id: { coupon: '$coupon_id', user: '$user_id' }, claims: { $sum: 1 } } },
        { $group: { _id: { $toString: '$_id.coupon' }, claims: { $sum: '$claims' }, users: { $sum: 1 } } },
      ],
      { allowDiskUse: true },
    )
    .toArray();
  const byCoupon = new Map(counted.map((count) => [count._id, count]));

  const audit = { claims: 0, oversold: 0, double: 0, astray: 0 };
  for (const { _id, amount, remaining_amount } of found) {
    const count = byCoupon.get(_id.toHexString()) ?? { claims: 0, users: 0 };
    audit.claims += count.claims;
    audit.oversold += Math.max(0, count.claims - amount);
    audit.double += count.claims - count.users;
    audit.astray += Math.abs(amount - remaining_amount - count.claims);
  }
  return audit;
};
