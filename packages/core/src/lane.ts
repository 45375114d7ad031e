import { type Static, Type } from '@sinclair/typebox';
import { type Claim, type Decision, isGrant } from './claim.ts';
import { normaliseName } from './name.ts';

/** The queue of a lane. */
export const laneName = (lane: number): string => `lane-${lane}`;

/** The key prefix of a lane: a hash tag of its own, so that a lane's keys share a node of a Redis Cluster. */
export const lanePrefix = (lane: number): string => `{flashclaim-${lane}}`;

/** The Redis key in which BullMQ keeps a part of a lane (`wait`, `active`, `delayed`, `failed`, `meta`), or a job by its id. */
export const laneKey = (lane: number, part: string): string => `${lanePrefix(lane)}:${laneName(lane)}:${part}`;

/** The Redis key under which a claim that was told `pending` finds its job again. */
export const pendingClaimKey = (claimId: string): string => `flashclaim:pending:${claimId}`;

/** The Redis keys that count claims against limits begin with this. */
export const RATE_KEY_PREFIX = 'flashclaim:rate:';

export const JOB_NAME = 'claims';

/** The Redis channel on which one API process hears what became of its own jobs, and of nobody else's. */
export const answersChannel = (replyTo: string): string => `flashclaim:answers:${replyTo}`;

/** The lane of a coupon: FNV-1a over the UTF-16 units of its normalised name. */
export const laneOf = (couponName: string, lanes: number): number => {
  let hash = 0x811c9dc5;
  for (let i = 0; i < couponName.length; i++) hash = Math.imul(hash ^ couponName.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % lanes;
};

/**
 * A job: the claims that one API process hands to a lane at once, in their order of arrival.
 * A claim is `[claim id, user id, index of its coupon in coupons]`. `requests` holds, by the claim's index, the request ids of
 * claims under an idempotency key. A job with such claims is version 2: a worker that knows only 1 would decide them wrongly,
 * and must not take it. All other jobs stay version 1.
 */
export const ClaimJobSchema = Type.Object({
  v: Type.Union([Type.Literal(1), Type.Literal(2)]),
  replyTo: Type.String({ description: 'The API process that waits for the answer; see answersChannel.' }),
  coupons: Type.Array(Type.String()),
  claims: Type.Array(Type.Tuple([Type.String(), Type.String(), Type.Integer({ minimum: 0 })])),
  requests: Type.Optional(Type.Record(Type.String(), Type.String())),
});
export type ClaimJob = Static<typeof ClaimJobSchema>;

/** Where a claim is: its job, its place in it, and when the job was sent, in ms since the epoch. */
export interface Place {
  lane: number;
  jobId: string;
  index: number;
  at: number;
}

/**
 * A job's result, kept with the job: a letter for each claim, in order, the time of the transaction in ms since the epoch,
 * and the original time of each claim that stood before.
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
  /** When the claims were committed, in ms since the epoch by the worker's clock; older workers do not say. */
  committedAt?: number;
}

const LETTERS: Record<Decision, string> = {
  idempotency_key_reused: 'K',
  coupon_not_found: 'N',
  replayed: 'R',
  already_claimed: 'A',
  out_of_stock: 'S',
  claimed: 'C',
};
const DECISIONS = new Map(Object.entries(LETTERS).map(([decision, letter]) => [letter, decision as Decision]));

export const encodeJob = (replyTo: string, claims: readonly Claim[]): ClaimJob => {
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
  const job = { replyTo, coupons: [...indexes.keys()], claims: encoded };
  return requests ? { v: 2, ...job, requests } : { v: 1, ...job };
};

/**
 * Names come out normalised, whoever put the job there: they are what the unique indexes compare.
 * @throws Error where a claim names a coupon that the job does not hold.
 */
export const decodeJob = ({ coupons, claims, requests }: ClaimJob): Claim[] => {
  const names = coupons.map(normaliseName);
  return claims.map(([id, user, index], at) => {
    const couponName = names[index];
    if (couponName === undefined) throw new Error(`claim ${id} names coupon ${index} of ${coupons.length}`);
    const claim = { id, userId: normaliseName(user), couponName };
    const requestId = requests?.[at];
    return requestId === undefined ? claim : { ...claim, requestId };
  });
};

export const encodeDecisions = (decisions: readonly Decision[]): string =>
  decisions.map((decision) => LETTERS[decision]).join('');

/** Whether a claim of the job was refused; a letter that nobody knows counts as a refusal. */
export const holdsRefusal = ({ decisions }: ClaimJobResult): boolean =>
  [...decisions].some((letter) => !isGrant(DECISIONS.get(letter)));

/** The part of a result that belongs to the claims from `start` up to `end`. */
export const splitResult = (
  { decisions, at, replayedAt }: ClaimJobResult,
  start: number,
  end: number,
): ClaimJobResult => {
  const result = { decisions: decisions.slice(start, end), at };
  const replayed = Object.entries(replayedAt ?? {})
    .map(([index, time]): [number, number] => [Number(index) - start, time])
    .filter(([index]) => index >= 0 && index < end - start);
  return replayed.length > 0 ? { ...result, replayedAt: Object.fromEntries(replayed) } : result;
};

/** @throws Error on a letter that no decision has: a worker of another version wrote it. */
export const decodeDecision = (result: ClaimJobResult, index: number): { decision: Decision; claimedAt: number } => {
  const decision = DECISIONS.get(result.decisions[index] ?? '');
  if (!decision) throw new Error(`no decision for claim ${index} in "${result.decisions.slice(0, 40)}"`);
  return { decision, claimedAt: result.replayedAt?.[index] ?? result.at };
};
