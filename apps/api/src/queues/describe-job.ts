import { type ClaimJob, type JobSummary, SUMMARY_COUPONS_MAX } from '@flashclaim/core';

const SEEN_CHARS = 2;

/** Enough to find one's own again, and too little to tell who it is. */
const maskUser = (userId: string): string => {
  const chars = [...userId];
  return `${chars.slice(0, chars.length > 2 * SEEN_CHARS ? SEEN_CHARS : 0).join('')}…`;
};

/**
 * A job's data for people: what it is about, and none of its users unless asked for. A finished job's is its summary.
 * Whatever else is there is no job of ours, and not shown.
 */
export const describeData = (data: unknown, { users }: { users: boolean }) => {
  if (isSummary(data)) return data;
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
    usersByClaim: Object.fromEntries(claims.map(([id, user]) => [id, users ? user : maskUser(user)])),
  };
};

/** A job's title. */
export const describeName = ({ data }: { data?: unknown }): string => {
  if (!isSummary(data) && !isClaimJob(data)) return 'no claims';
  const count = isSummary(data) ? data.claims : data.claims.length;
  const coupons = isSummary(data) ? Object.keys(data.coupons) : data.coupons;
  const more = isSummary(data) && coupons.length === SUMMARY_COUPONS_MAX ? 'others' : `${coupons.length - 1} more`;
  const what = coupons.length > 1 ? `${coupons[0]} and ${more}` : (coupons[0] ?? '');
  return `${count} ${count === 1 ? 'claim' : 'claims'} · ${what}`;
};

const isSummary = (data: unknown): data is JobSummary => typeof (data as JobSummary | null)?.claims === 'number';

const isClaimJob = (data: unknown): data is ClaimJob => {
  const { coupons, claims, deadline } = (data ?? {}) as Partial<ClaimJob>;
  return (
    typeof deadline === 'number' &&
    Array.isArray(coupons) &&
    Array.isArray(claims) &&
    claims.every((claim) => Array.isArray(claim))
  );
};
