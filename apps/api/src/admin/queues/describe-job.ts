import { type ClaimJob, type ClaimJobResult, decodeDecision, type RecordedDecision } from '@flashclaim/core';

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
  return `${countOf(data.claims.length)} · ${what}`;
};

/** The decisions in words, in the order in which a title names them. */
const WORDS: Record<RecordedDecision, string> = {
  claimed: 'granted',
  replayed: 'replayed',
  already_claimed: 'already claimed',
  out_of_stock: 'sold out',
  not_started: 'not started',
  paused: 'paused',
  ended: 'ended',
  released: 'released',
  claim_released: 'of a released claim',
  claim_not_found: 'of no claim',
  coupon_not_found: 'of no coupon',
  idempotency_key_reused: 'with a reused key',
  timed_out: 'timed out',
};

/** How often a job has each decision, in words. Empty where it expired undecided. */
export const outcomesOf = (result: ClaimJobResult | undefined): Record<string, number> => {
  const counts = new Map(Object.values(WORDS).map((words) => [words, 0]));
  for (let index = 0; index < (result?.decisions.length ?? 0); index++) {
    const words = wordsOf(result as ClaimJobResult, index);
    counts.set(words, (counts.get(words) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].filter(([, count]) => count > 0));
};

const wordsOf = (result: ClaimJobResult, index: number): string => {
  try {
    return WORDS[decodeDecision(result, index)];
  } catch {
    return 'of another version';
  }
};

/** The title of a decided job, such as "45 claims: 6 granted, 39 sold out". */
export const describeOutcomes = (result: ClaimJobResult | undefined): string => {
  if (!result) return 'expired: none granted';
  const outcomes = Object.entries(outcomesOf(result)).map(([words, count]) => `${count} ${words}`);
  return `${countOf(result.decisions.length)}: ${outcomes.join(', ')}`;
};

const countOf = (claims: number): string => `${claims} ${claims === 1 ? 'claim' : 'claims'}`;

const isClaimJob = (data: unknown): data is ClaimJob => {
  const { coupons, claims, deadline } = (data ?? {}) as Partial<ClaimJob>;
  return (
    typeof deadline === 'number' &&
    Array.isArray(coupons) &&
    Array.isArray(claims) &&
    claims.every((claim) => Array.isArray(claim))
  );
};
