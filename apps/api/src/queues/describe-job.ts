import { type ClaimJob, type ClaimJobResult, decodeDecision } from '@flashclaim/core';

const SEEN_CHARS = 2;

/** Enough to find one's own again, and too little to tell who it is. */
const maskUser = (userId: string): string => {
  const chars = [...userId];
  return `${chars.slice(0, chars.length > 2 * SEEN_CHARS ? SEEN_CHARS : 0).join('')}…`;
};

/**
 * A job's data for people: what it is about, and none of its users unless asked for. Whatever else is there is no job of ours,
 * and not shown.
 */
export const describeData = (data: unknown, { users }: { users: boolean }) => {
  if (!isClaimJob(data)) return { unreadable: 'This is no list of claims.' };
  const { v, replyTo, coupons, claims, requests } = data;
  const byCoupon = Map.groupBy(claims, ([, , index]) => coupons[index] ?? 'unknown');
  return {
    claims: claims.length,
    coupons: Object.fromEntries([...byCoupon].map(([name, { length }]) => [name, length])),
    withIdempotencyKey: Object.keys(requests ?? {}).length,
    from: replyTo,
    version: v,
    // Last, as it may be long: by its id a claim is followed from the log to here.
    usersByClaim: Object.fromEntries(claims.map(([id, user]) => [id, users ? user : maskUser(user)])),
  };
};

/** What became of a job's claims, by count. */
export const describeResult = (result: unknown) => {
  if (result === null || result === undefined) return result;
  try {
    const { decisions, at } = result as ClaimJobResult;
    const outcomes: Record<string, number> = {};
    for (let index = 0; index < decisions.length; index++) {
      const { decision } = decodeDecision(result as ClaimJobResult, index);
      outcomes[decision] = (outcomes[decision] ?? 0) + 1;
    }
    return { outcomes, decidedAt: new Date(at).toISOString() };
  } catch (error) {
    return { unreadable: (error as Error).message };
  }
};

/** A job's title. */
export const describeName = ({ data }: { data?: unknown }): string => {
  if (!isClaimJob(data)) return 'no claims';
  const [first = '', ...others] = data.coupons;
  const what = others.length > 0 ? `${first} and ${others.length} more` : first;
  return `${data.claims.length} ${data.claims.length === 1 ? 'claim' : 'claims'} · ${what}`;
};

const isClaimJob = (data: unknown): data is ClaimJob => {
  const { coupons, claims } = (data ?? {}) as Partial<ClaimJob>;
  return Array.isArray(coupons) && Array.isArray(claims) && claims.every((claim) => Array.isArray(claim));
};
