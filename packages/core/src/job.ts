import { type Static, Type } from '@sinclair/typebox';
import type { Claim, RecordedDecision, Unit } from './claim.ts';
import { normaliseName } from './name.ts';

/**
 * The payload of a job: a batch of claims of one API process, in their order of arrival.
 * A claim is `[claim id, user id, index of its coupon in coupons]`. `requests` contains the request ids of claims with an
 * idempotency key, by the index of the claim, and `releases` the indexes of the claims to release.
 */
export const ClaimJobSchema = Type.Object({
  v: Type.Literal(4),
  id: Type.String({ minLength: 1, maxLength: 64, description: 'The key of the job record, the same in every run.' }),
  deadline: Type.Integer({
    minimum: 1,
    description: 'In seconds of database time. After it, a worker records the job as expired.',
  }),
  replyTo: Type.String({ description: 'The API process that waits for the answer; see answersChannel.' }),
  coupons: Type.Array(Type.String()),
  claims: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.Integer({ minimum: 0 })]), { minItems: 1 }),
  requests: Type.Optional(Type.Record(Type.String(), Type.String())),
  releases: Type.Optional(Type.Array(Type.Integer({ minimum: 0 }))),
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

/** The sequence number of a unit, the time of its grant and, where it was released, of its end; times in ms since the epoch. */
type EncodedUnit = [sequence: number, claimedAt: number, endedAt?: number];

/** The result of a job. Its record, its answer and a later run have this shape. */
export interface ClaimJobResult {
  /** A letter for each claim, in order. */
  decisions: string;
  /**
   * The first unit that the job was granted of a coupon, by the index of the coupon in the job. The units of its later grants
   * have the next numbers and the same time.
   */
  grants?: Record<number, EncodedUnit>;
  /** The units of claims that existed before or were released, by the index of the claim. */
  units?: Record<number, EncodedUnit>;
}

/** A decision about one claim of a job, with its unit, if it has or had one. */
export interface DecidedClaim extends Partial<Unit> {
  decision: RecordedDecision;
  /** In ms since the epoch. */
  endedAt?: number | undefined;
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
   * one has the greater time. Absent before the insert of a job that has expired: MongoDB then sets the time of the insert.
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
  claim_released: 'L',
  ended: 'E',
  paused: 'P',
  not_started: 'B',
  out_of_stock: 'S',
  claimed: 'C',
  released: 'U',
  claim_not_found: 'X',
  timed_out: 'T',
};
const DECISIONS = new Map(Object.entries(LETTERS).map(([decision, letter]) => [letter, decision as RecordedDecision]));

export const encodeJob = (job: Pick<ClaimJob, 'id' | 'deadline' | 'replyTo'>, claims: readonly Claim[]): ClaimJob => {
  const indexes = new Map<string, number>();
  let requests: Record<string, string> | undefined;
  let releases: number[] | undefined;
  const encoded = claims.map(({ id, userId, couponName, requestId, operation }, at): [string, string, number] => {
    const index = indexes.get(couponName) ?? indexes.size;
    indexes.set(couponName, index);
    if (requestId !== undefined) {
      requests ??= {};
      requests[at] = requestId;
    }
    if (operation === 'release') {
      releases ??= [];
      releases.push(at);
    }
    return [id, userId, index];
  });
  return {
    v: 4,
    ...job,
    coupons: [...indexes.keys()],
    claims: encoded,
    ...(requests && { requests }),
    ...(releases && { releases }),
  };
};

/**
 * Decodes a payload. It normalises names even if the sender did not, because the unique indexes compare them.
 * @throws Error where a claim refers to a coupon that the payload does not contain.
 */
export const decodeJob = ({ id, deadline, coupons, claims, requests, releases }: ClaimJob): Job => {
  const names = coupons.map(normaliseName);
  const released = new Set(releases);
  const decoded = claims.map(([claimId, user, index], at) => {
    const couponName = names[index];
    if (couponName === undefined) throw new Error(`claim ${claimId} names coupon ${index} of ${coupons.length}`);
    const claim = { id: claimId, userId: normaliseName(user), couponName };
    if (released.has(at)) return { ...claim, operation: 'release' as const };
    const requestId = requests?.[at];
    return requestId === undefined ? claim : { ...claim, requestId };
  });
  return { id, deadline, claims: decoded };
};

export const encodeDecisions = (decisions: readonly RecordedDecision[]): string =>
  decisions.map((decision) => LETTERS[decision]).join('');

/** @throws Error on an unknown letter, which a worker of another version may have written. */
export const decodeDecision = (result: Pick<ClaimJobResult, 'decisions'>, index: number): RecordedDecision => {
  const decision = DECISIONS.get(result.decisions[index] ?? '');
  if (!decision) throw new Error(`no decision for claim ${index} in "${result.decisions.slice(0, 40)}"`);
  return decision;
};

/** The coupons of a job, in the order of their first claim, as in its payload. */
export const couponsOf = (claims: readonly Pick<Claim, 'couponName'>[]): string[] => [
  ...new Set(claims.map(({ couponName }) => couponName)),
];

/**
 * The decisions of a job, with the units, in the order of its claims.
 * @throws Error on an unknown letter.
 */
export const decodeResult = (result: ClaimJobResult, claims: readonly Pick<Claim, 'couponName'>[]): DecidedClaim[] => {
  // The next unit of each coupon, in the order of its first claim: that is its index.
  const next = new Map<string, Unit | undefined>();
  return claims.map(({ couponName }, index) => {
    const decision = decodeDecision(result, index);
    if (!next.has(couponName)) next.set(couponName, firstUnit(result.grants?.[next.size]));
    const encoded = result.units?.[index];
    if (encoded) return { decision, ...decodeUnit(encoded) };
    const unit = decision === 'claimed' ? next.get(couponName) : undefined;
    return unit ? { decision, sequence: unit.sequence++, claimedAt: unit.claimedAt } : { decision };
  });
};

const firstUnit = (encoded: EncodedUnit | undefined): Unit | undefined => encoded && decodeUnit(encoded);

const decodeUnit = ([sequence, claimedAt, endedAt]: EncodedUnit) =>
  endedAt === undefined ? { sequence, claimedAt } : { sequence, claimedAt, endedAt };

export const encodeUnit = ({ sequence, claimedAt, endedAt }: Unit & { endedAt?: number | undefined }): EncodedUnit =>
  endedAt === undefined ? [sequence, claimedAt] : [sequence, claimedAt, endedAt];
