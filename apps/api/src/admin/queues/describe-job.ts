import type { ClaimJob } from '@flashclaim/core';

const SEEN_CHARS = 2;

/** The first characters: enough to recognise a known user, and too few to identify an unknown one. */
const maskUser = (userId: string): string => {
  const chars = [...userId];
  return `${chars.slice(0, chars.length > 2 * SEEN_CHARS ? SEEN_CHARS : 0).join('')}…`;
};

/** A job's data for people, with its users masked. Shows no data that is not a claim job. */
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
    // Last, because it may be long. People find a claim here by its id from the log.
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
