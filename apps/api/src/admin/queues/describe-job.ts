import type { ClaimJob } from '@flashclaim/core';

const SEEN_CHARS = 2;

/** Enough to find one's own again, and too little to tell who it is. */
const maskUser = (userId: string): string => {
  const chars = [...userId];
  return `${chars.slice(0, chars.length > 2 * SEEN_CHARS ? SEEN_CHARS : 0).join('')}…`;
};

/** A job's data for people: what it is about, and its users masked. Whatever else is there is no job of ours, and not shown. */
export const describeData = (data: unknown) => {
  if (!isClaimJob(data)) return { unreadable: 'This is not a list of claims.' };
  const { v, deadline, replyTo, coupons, claims, requests } = data;
  const byCoupon = Map.groupBy(claims, ([, , index]) => coupons[index] ?? 'unknown');
  return {
    claims: claims.length,
    coupons: Object.fromEntries([...byCoupon].map(([name, { length }]) => [name, length])),
    withIdempotencyKey: Object.keys(requests ?? {}).length,
    replyTo,
    deadline: new Date(deadline * 1_000).toISOString(),
    version: v,
    // Last, as it may be long: by its id a claim is followed from the log to here.
    usersByClaim: Object.fromEntries(claims.map(([id, user]) => [id, maskUser(user)])),
  };
};

/** A job's title. */
export const describeName = ({ data }: { data?: unknown }): string => {
  if (!isClaimJob(data)) return 'no claims';
  const [first = '', ...others] = data.coupons;
  const what = others.length > 0 ? `${first} and ${others.length} more` : first;
  return `${data.claims.length} ${data.claims.length === 1 ? 'claim' : 'claims'} · ${what}`;
};

const isClaimJob = (data: unknown): data is ClaimJob => {
  const { coupons, claims, deadline } = (data ?? {}) as Partial<ClaimJob>;
  return (
    typeof deadline === 'number' &&
    Array.isArray(coupons) &&
    Array.isArray(claims) &&
    claims.every((claim) => Array.isArray(claim))
  );
};
