import { type Static, Type } from '@sinclair/typebox';
import type { Claim, RecordedDecision } from './claim.ts';
import { normaliseName } from './name.ts';

/**
 * A job's payload: the claims that one API process hands to a lane at once, in their order of arrival.
 * A claim is `[claim id, user id, index of its coupon in coupons]`. `requests` holds, by the claim's index, the request ids of
 * claims under an idempotency key.
 */
export const ClaimJobSchema = Type.Object({
  v: Type.Literal(3),
  id: Type.String({ minLength: 1, maxLength: 64, description: 'The key of its record: the same in every run.' }),
  deadline: Type.Integer({
    minimum: 1,
    description: 'In seconds of database time. A worker that comes later records that the job has expired.',
  }),
  replyTo: Type.String({ description: 'The API process that waits for the answer; see answersChannel.' }),
  coupons: Type.Array(Type.String()),
  claims: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.Integer({ minimum: 0 })]), { minItems: 1 }),
  requests: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ClaimJob = Static<typeof ClaimJobSchema>;

/** A job as a worker decides it. */
export interface Job {
  id: string;
  /** In seconds of database time. */
  deadline: number;
  /** At least one. */
  claims: readonly Claim[];
}

/** Where a claim is: its job, and its place in it. */
export interface Place {
  jobId: string;
  index: number;
  /** Of the job, in seconds of database time. */
  deadline: number;
}

/**
 * What became of a job's claims: a letter for each claim, in order, the time of the transaction in ms since the epoch, and
 * the original time of each claim that existed before. Its record, its answer and a rerun share this shape.
 */
export interface ClaimJobResult {
  decisions: string;
  at: number;
  replayedAt?: Record<number, number>;
}

/** A job's result on its way to the process that waits for it. */
export interface JobAnswer {
  jobId: string;
  result: ClaimJobResult;
  /** When the claims were committed, in ms since the epoch by the worker's clock. */
  committedAt: number;
}

/** The record of a job that was decided, or that expired. It exists from the transaction that decided the job. */
export interface JobRecord {
  jobId: string;
  deadline: number;
  /** The id of the job's first claim, by which a record that is another job's shows; absent where the job expired. */
  firstClaim?: string | undefined;
  /** Absent where the job expired: then nothing of it was or will be granted. */
  result?: ClaimJobResult | undefined;
  /**
   * Cluster time of what the decision rests on, which orders records: of two that do not overlap, the later one has the
   * greater. Absent before the insert where that is the first that the transaction does.
   */
  decidedAt?: bigint | undefined;
}

/** A record that exists. */
export type StoredJobRecord = JobRecord & { decidedAt: bigint };

const LETTERS: Record<RecordedDecision, string> = {
  idempotency_key_reused: 'K',
  coupon_not_found: 'N',
  replayed: 'R',
  already_claimed: 'A',
  out_of_stock: 'S',
  claimed: 'C',
  timed_out: 'T',
};
const DECISIONS = new Map(Object.entries(LETTERS).map(([decision, letter]) => [letter, decision as RecordedDecision]));

export const encodeJob = (job: Pick<ClaimJob, 'id' | 'deadline' | 'replyTo'>, claims: readonly Claim[]): ClaimJob => {
  const indexes = new Map<string, number>();
  let requests: Record<string, string> | undefined;
  const encoded = claims.map(({ id, userId, couponName, requestId }, at): [string, string, number] => {
    const index = indexes.get(couponName) ?? indexes.size;
    indexes.set(couponName, index);
    if (requestId !== undefined) {
      requests ??= {};
      requests[at] = requestId;
    }
    return [id, userId, index];
  });
  return { v: 3, ...job, coupons: [...indexes.keys()], claims: encoded, ...(requests && { requests }) };
};

/**
 * Names come out normalised, whoever put the job there: they are what the unique indexes compare.
 * @throws Error where a claim names a coupon that the job does not hold.
 */
export const decodeJob = ({ id, deadline, coupons, claims, requests }: ClaimJob): Job => {
  const names = coupons.map(normaliseName);
  const decoded = claims.map(([claimId, user, index], at) => {
    const couponName = names[index];
    if (couponName === undefined) throw new Error(`claim ${claimId} names coupon ${index} of ${coupons.length}`);
    const claim = { id: claimId, userId: normaliseName(user), couponName };
    const requestId = requests?.[at];
    return requestId === undefined ? claim : { ...claim, requestId };
  });
  return { id, deadline, claims: decoded };
};

export const encodeDecisions = (decisions: readonly RecordedDecision[]): string =>
  decisions.map((decision) => LETTERS[decision]).join('');

/** @throws Error on a letter that no decision has: a worker of another version wrote it. */
export const decodeDecision = (
  result: ClaimJobResult,
  index: number,
): { decision: RecordedDecision; claimedAt: number } => {
  const decision = DECISIONS.get(result.decisions[index] ?? '');
  if (!decision) throw new Error(`no decision for claim ${index} in "${result.decisions.slice(0, 40)}"`);
  return { decision, claimedAt: result.replayedAt?.[index] ?? result.at };
};
