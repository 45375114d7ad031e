import type { Adapter } from './adapter.ts';

/**
 * The smallest API: three calls whose answers are `{"message"}` or `{"error"}`, without claim ids, codes, keys and statuses.
 * To judge a server with another API, copy this file and change what differs: `npm run sale -- … --adapter my-api.ts`.
 */
export const adapter: Adapter = {
  create: ({ name, amount }) => ({ method: 'POST', path: '/api/coupons', body: { name, amount }, isAdmin: true }),
  claim: ({ user, coupon }) => ({
    method: 'POST',
    path: '/api/coupons/claim',
    body: { user_id: user, coupon_name: coupon },
  }),
  readClaim: ({ status, body }) => {
    if (status === 200 || status === 201) return { outcome: 'claimed' };
    if (status === 409) return { outcome: 'already_claimed' };
    if (status === 404) return { outcome: 'coupon_not_found' };
    if (status === 429) return { outcome: 'rejected' };
    if (status >= 500) return { outcome: 'unknown' };
    return { outcome: /stock/i.test(body?.error ?? body?.message) ? 'out_of_stock' : 'failed' };
  },
  coupon: (name) => ({ method: 'GET', path: `/api/coupons/${encodeURIComponent(name)}` }),
  readCoupon: ({ status, body }) => {
    if (status !== 200 || typeof body?.remaining_amount !== 'number') return undefined;
    const users: string[] | undefined = body.claimed_by;
    const claimed = body.claimed_count ?? users?.length ?? body.amount - body.remaining_amount;
    return { amount: body.amount, remaining: body.remaining_amount, claimed, users };
  },
};
