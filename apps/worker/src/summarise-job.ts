import {
  type ClaimJob,
  type ClaimJobResult,
  decodeDecision,
  type JobSummary,
  type RecordedDecision,
  SUMMARY_COUPONS_MAX,
  SUMMARY_NAME_MAX_CHARS,
} from '@flashclaim/core';

/** Claims of a job, by what was decided of them. BullMQ keeps it as the job's result. */
export type Outcomes = Partial<Record<RecordedDecision, number>>;

export const countOutcomes = (result: ClaimJobResult): Outcomes => {
  const outcomes: Outcomes = {};
  for (let index = 0; index < result.decisions.length; index++) {
    const { decision } = decodeDecision(result, index);
    outcomes[decision] = (outcomes[decision] ?? 0) + 1;
  }
  return outcomes;
};

/** Sums up a payload. A job that could not be read has failed and is kept as well: of its payload nothing is known. */
export const summariseJob = (data: unknown): JobSummary => {
  const { coupons, claims, requests = {}, replyTo } = (data ?? {}) as Partial<ClaimJob>;
  if (!Array.isArray(coupons) || !Array.isArray(claims))
    return { claims: 0, coupons: {}, withIdempotencyKey: 0, replyTo: '' };
  const counts = new Map<number, number>();
  for (const claim of claims) counts.set(claim?.[2], (counts.get(claim?.[2]) ?? 0) + 1);
  const shown = coupons.slice(0, SUMMARY_COUPONS_MAX);
  return {
    claims: claims.length,
    coupons: Object.fromEntries(shown.map((name, index) => [shorten(name), counts.get(index) ?? 0])),
    withIdempotencyKey: Object.keys(requests).length,
    replyTo: shorten(replyTo),
  };
};

const shorten = (name: unknown): string => String(name).slice(0, SUMMARY_NAME_MAX_CHARS);
