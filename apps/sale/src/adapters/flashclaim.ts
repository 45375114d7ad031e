import type { HttpAnswer } from '@flashclaim/load';
import type { Adapter, ApiRequest, ClaimAnswer, Outcome } from './adapter.ts';

/** Flashclaim's API. An answer without a code is judged by its status, so it also fits servers with fewer fields. */
const CODES: Record<string, Outcome> = {
  already_claimed: 'already_claimed',
  out_of_stock: 'out_of_stock',
  sale_not_open: 'sale_not_open',
  coupon_not_found: 'coupon_not_found',
  overloaded: 'rejected',
  rate_limited: 'rejected',
};

const STATUSES: Record<number, Outcome> = {
  200: 'claimed',
  201: 'claimed',
  202: 'pending',
  400: 'out_of_stock',
  404: 'coupon_not_found',
  409: 'already_claimed',
  429: 'rejected',
};

/** Answers of a status from 500 are unknown, unless they say that nothing was done. */
const outcomeOf = (status: number, { code, done }: { code?: string; done?: string }): Outcome => {
  if (status >= 200 && status < 300) return STATUSES[status] ?? 'unknown';
  if (code !== undefined && CODES[code]) return CODES[code];
  if (status >= 500) return done === 'nothing' ? 'rejected' : 'unknown';
  return code === undefined ? (STATUSES[status] ?? 'failed') : 'failed';
};

const readClaim = ({ status, headers, body }: HttpAnswer): ClaimAnswer => {
  const { claim_id: claimId, sequence, code, reason, done } = body ?? {};
  const isReplayed = headers.get('idempotency-replayed') === 'true' || undefined;
  return { outcome: outcomeOf(status, body ?? {}), claimId, sequence, code, reason, done, isReplayed };
};

const pathOf = (name: string) => `/api/coupons/${encodeURIComponent(name)}`;
const admin = (path: string): ApiRequest => ({ method: 'GET', path, isAdmin: true });

export const adapter: Adapter = {
  create: ({ name, amount, startsAt }) => ({
    method: 'POST',
    path: '/api/coupons',
    body: { name, amount, ...(startsAt && { starts_at: startsAt }) },
    isAdmin: true,
  }),
  opensAfterMs: ({ body }) => Date.parse(body?.starts_at) - Date.parse(body?.created_at),
  claim: ({ user, coupon, key }) => ({
    method: 'POST',
    path: '/api/coupons/claim',
    body: { user_id: user, coupon_name: coupon },
    ...(key !== undefined && { headers: { 'idempotency-key': key } }),
  }),
  readClaim,
  coupon: (name) => ({ method: 'GET', path: pathOf(name) }),
  readCoupon: ({ status, headers, body }) => {
    if (status !== 200 || typeof body?.remaining_amount !== 'number') return undefined;
    const { amount, remaining_amount: remaining, claimed_by: users } = body;
    const next = /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1];
    const claimed = body.claimed_count ?? users?.length ?? amount - remaining;
    return { amount, remaining, claimed, users, next: next && users ? admin(next) : undefined };
  },
  readMoreUsers: ({ body }) => ({
    users: body?.data?.map(({ user_id }: { user_id: string }) => user_id),
    next: body?.next && admin(`${pathOf(body.data[0].coupon_name)}/claims?status=claimed&after=${body.next}`),
  }),
  status: (claimId) => ({ method: 'GET', path: `/api/claims/${claimId}` }),
  readStatus: (answer) => {
    const { status, code } = answer.body ?? {};
    if (answer.status >= 500 || answer.status === 429) return { outcome: 'pending', code };
    // It was answered 202, so its status must exist.
    if (answer.status === 404) return { outcome: 'failed', code };
    if (answer.status !== 200) return { outcome: 'unknown', code };
    if (status === 'pending' || status === 'claimed') return { ...readClaim(answer), outcome: status, code: status };
    return { ...readClaim(answer), outcome: CODES[code] ?? 'failed' };
  },
};
