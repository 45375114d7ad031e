import type { ClaimCall, CreateCall, HistoryRecord, Mark, ReadCall, StatusCall } from './record.ts';
import type { ExistingClaim, State } from './state.ts';

/**
 * What is known about the result of a claim request.
 * - `claimed`, `refused`: decided, and the caller was answered.
 * - `rejected`: not admitted, so it claimed nothing and will claim nothing.
 * - `unknown`: the answer was lost, or proves nothing.
 */
type Known = 'claimed' | 'refused' | 'rejected' | 'unknown';

/** A claim request and its result. A request whose status named several outcomes has several attempts, and each is judged. */
export interface Attempt {
  call: ClaimCall;
  known: Known;
  /** The reason of a refusal. */
  code?: string | undefined;
  /** From any answer to this request, or to another request with its user and key. */
  claimId?: string | undefined;
  /** When the decision was answered; it was made before. */
  decidedAt: number;
}

/** Everything about one coupon. */
export interface CouponEvidence {
  name: string;
  /** From the database; missing if there is no such coupon. */
  stock?: { amount: number; remaining: number } | undefined;
  claims: ExistingClaim[];
  attempts: Attempt[];
  users: Map<string, UserEvidence>;
}

/** Everything about one user and one coupon. */
export interface UserEvidence {
  name: string;
  claims: ExistingClaim[];
  attempts: Attempt[];
}

export interface Evidence {
  coupons: Map<string, CouponEvidence>;
  /** Every existing claim, by its id. */
  existing: ReadonlyMap<string, ExistingClaim>;
  claims: ClaimCall[];
  attempts: Attempt[];
  statuses: StatusCall[];
  reads: ReadCall[];
  creates: CreateCall[];
  marks: Mark[];
}

export const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'coupon_not_found',
  'already_claimed',
  'out_of_stock',
]);

/** Refusals without a reason, which only a status has: the claim was not decided in time, or its job failed finally. */
export const WITHOUT_REASON: ReadonlySet<string | undefined> = new Set(['timed_out', 'unavailable']);

/** Sorts the calls of a history and the claims of the database by coupon and user. */
export const collectEvidence = (history: Iterable<HistoryRecord>, state: State): Evidence => {
  const evidence: Evidence = {
    coupons: new Map(),
    existing: new Map(state.claims.map((claim) => [claim.id, claim])),
    claims: [],
    attempts: [],
    statuses: [],
    reads: [],
    creates: [],
    marks: [],
  };
  for (const record of history) {
    if (record.op === 'claim') evidence.claims.push(record);
    else if (record.op === 'status') evidence.statuses.push(record);
    else if (record.op === 'read') evidence.reads.push(record);
    else if (record.op === 'create') evidence.creates.push(record);
    else evidence.marks.push(record);
  }
  evidence.attempts = attemptsOf(evidence.claims, evidence.statuses);

  for (const attempt of evidence.attempts) {
    const coupon = couponOf(evidence, state, attempt.call.coupon);
    coupon.attempts.push(attempt);
    userOf(coupon, attempt.call.user).attempts.push(attempt);
  }
  for (const { coupon } of [...evidence.reads, ...evidence.creates]) couponOf(evidence, state, coupon);
  for (const claim of state.claims) {
    const coupon = couponOf(evidence, state, claim.coupon);
    coupon.claims.push(claim);
    userOf(coupon, claim.user).claims.push(claim);
  }
  return evidence;
};

/**
 * The requests that can have made this claim: those that were answered with it, and those with an unknown result. Refused
 * requests are not among them, because the claim must not be theirs.
 */
export const makersOf = (claim: ExistingClaim, { attempts }: UserEvidence): Attempt[] =>
  attempts.filter(
    ({ known, claimId }) =>
      (known === 'claimed' || known === 'unknown') &&
      (claimId === undefined ? known === 'unknown' : claimId === claim.id),
  );

const couponOf = ({ coupons }: Evidence, state: State, name: string): CouponEvidence => {
  const found = coupons.get(name);
  if (found) return found;
  const coupon = { name, stock: state.coupons.get(name), claims: [], attempts: [], users: new Map() };
  coupons.set(name, coupon);
  return coupon;
};

const userOf = ({ users }: CouponEvidence, name: string): UserEvidence => {
  const found = users.get(name);
  if (found) return found;
  const user = { name, claims: [], attempts: [] };
  users.set(name, user);
  return user;
};

/** What makes the claim id of a request with a key: its user and the key. */
export const keyOf = ({ user, key }: ClaimCall): string | undefined =>
  key === undefined ? undefined : JSON.stringify([user, key]);

const attemptsOf = (calls: readonly ClaimCall[], statuses: readonly StatusCall[]): Attempt[] => {
  const finals = Map.groupBy(
    statuses.filter(({ status, code }) => status === 200 && code !== 'pending'),
    ({ claimId }) => claimId,
  );
  const idOfKey = new Map<string, string>();
  for (const call of calls) {
    const key = keyOf(call);
    if (key !== undefined && call.claimId !== undefined) idOfKey.set(key, call.claimId);
  }
  return calls.flatMap((call) => {
    const claimId = call.claimId ?? idOfKey.get(keyOf(call) ?? '');
    const outcomes = call.status === 202 ? outcomesOf(call, finals.get(call.claimId ?? '') ?? []) : [];
    return outcomes.length > 0
      ? outcomes.map((status) => ({ ...toAttempt(call, claimId), ...toOutcome(call, status) }))
      : [toAttempt(call, claimId)];
  });
};

/**
 * The first status of each final outcome after a request was answered `pending`. Those that were read before, or at that very
 * moment, may belong to another request.
 */
const outcomesOf = (call: ClaimCall, statuses: readonly StatusCall[]): StatusCall[] => {
  const first = new Map<string, StatusCall>();
  for (const status of statuses) {
    if (status.invokedAt <= (call.answeredAt ?? 0)) continue;
    const outcome = JSON.stringify([status.code, status.user, status.coupon]);
    const other = first.get(outcome);
    if (!other || (status.answeredAt ?? 0) < (other.answeredAt ?? 0)) first.set(outcome, status);
  }
  return [...first.values()];
};

/** If the status shows another coupon (with the same key), this request claimed nothing. */
const toOutcome = (call: ClaimCall, status: StatusCall): Pick<Attempt, 'known' | 'code' | 'decidedAt'> => {
  const { code, user = call.user, coupon = call.coupon, answeredAt = Number.POSITIVE_INFINITY } = status;
  if (user !== call.user || coupon !== call.coupon) return { known: 'rejected', decidedAt: answeredAt };
  return { known: knownBy(code), code, decidedAt: answeredAt };
};

/** The smallest of these times; infinity if there is none. */
export const earliest = (times: readonly number[]): number =>
  times.reduce((first, time) => Math.min(first, time), Number.POSITIVE_INFINITY);

const knownBy = (code: string | undefined): Known => {
  if (code === 'claimed') return 'claimed';
  return REFUSALS.has(code) || WITHOUT_REASON.has(code) ? 'refused' : 'rejected';
};

const toAttempt = (call: ClaimCall, claimId: string | undefined): Attempt => {
  const attempt = { call, claimId, decidedAt: call.answeredAt ?? Number.POSITIVE_INFINITY };
  if (call.answeredAt === undefined || call.status === undefined) return { ...attempt, known: 'unknown' };
  if (call.status === 200) return { ...attempt, known: 'claimed' };
  if (call.status === 202) return { ...attempt, known: 'unknown' };
  if (REFUSALS.has(call.code)) return { ...attempt, known: 'refused', code: call.code };
  const isMaybeAdmitted = call.status >= 500 && call.code !== 'overloaded' && call.done !== 'nothing';
  return { ...attempt, known: isMaybeAdmitted ? 'unknown' : 'rejected' };
};
