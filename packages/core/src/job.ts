import { type Static, Type } from '@sinclair/typebox';
import type { Claim, RecordedDecision } from './claim.ts';
import { normaliseName } from './name.ts';

/**
 * The payload of a job: a batch of claims of one API process, in their order of arrival.
 * A claim is `[claim id, user id, index of its coupon in coupons]`. `requests` contains the request ids of claims with an
 * idempotency key, by the index of the claim.
 */
export const ClaimJobSchema = Type.Object({
  v: Type.Literal(3),
  id: Type.String({ minLength: 1, maxLength: 64, description: 'The key of the job record, the same in every run.' }),
  deadline: Type.Integer({
    minimum: 1,
    description: 'In seconds of database time. After it, a worker records the job as expired.',
  }),
  replyTo: Type.String({ description: 'The API process that waits for the answer; see answersChannel.' }),
  coupons: Type.Array(Type.String()),
  claims: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.Integer({ minimum: 0 })]), { minItems: 1 }),
  requests: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ClaimJob = Static<typeof ClaimJobSchema>;

/** A decoded job. */
export interface Job {
  id: string;
  /** In seconds of database time. */
  deadline: number;
  /** At least one. */
  claims: readonly Claim[];
}

/** The place of a claim: its job, and its index in the job. */
export interface Place {
  jobId: string;
  index: number;
  /** The deadline of the job, in seconds of database time. */
  deadline: number;
}

/** The result of a job. Its record, its answer and a later run have this shape. */
export interface ClaimJobResult {
  /** A letter for each claim, in order. */
  decisions: string;
  /** When it was decided, in ms since the epoch. */
  at: number;
  /** When each claim that existed before was made, in ms since the epoch, by the index of the claim. */
  replayedAt?: Record<number, number>;
}

/** The message that a worker publishes to the API process that waits for a job. */
export interface JobAnswer {
  jobId: string;
  result: ClaimJobResult;
  /** When the claims were committed, in ms since the epoch by the worker's clock. */
  committedAt: number;
}

/** The record of a job that was decided or has expired. The transaction that decides the job inserts it. */
export interface JobRecord {
  jobId: string;
  deadline: number;
  /** The id of the job's first claim, to detect the record of another job. Absent where the job expired. */
  firstClaim?: string | undefined;
  /** Absent where the job expired: its claims never get a unit. */
  result?: ClaimJobResult | undefined;
  /**
   * Cluster time of the snapshot that the decision used. It orders records: of two transactions that do not overlap, the later
   * one has the greater time. Absent before the insert if the insert is the first command of the transaction.
   */
  decidedAt?: bigint | undefined;
}

/** A record as read from MongoDB. */
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
 * Decodes a payload. It normalises names even if the sender did not, because the unique indexes compare them.
 * @throws Error where a claim refers to a coupon that the payload does not contain.
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

/** @throws Error on an unknown letter, which a worker of another version may have written. */
export const decodeDecision = (
  result: ClaimJobResult,
  index: number,
): { decision: RecordedDecision; claimedAt: number } => {
  const decision = DECISIONS.get(result.decisions[index] ?? '');
  if (!decision) throw new Error(`no decision for claim ${index} in "${result.decisions.slice(0, 40)}"`);
  return { decision, claimedAt: result.replayedAt?.[index] ?? result.at };
};
