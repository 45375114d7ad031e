import type { ClaimCall, StatusCall } from './record.ts';
import type { ExistingClaim } from './state.ts';

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
  /** With code `sale_not_open`: why. */
  reason?: string | undefined;
  /** From any answer to this request, or to another request with its user and key. */
  claimId?: string | undefined;
  /** When the decision was answered; it was made before. */
  decidedAt: number;
}

export const REFUSALS: ReadonlySet<string | undefined> = new Set([
  'coupon_not_found',
  'claim_released',
  'already_claimed',
  'sale_not_open',
  'out_of_stock',
]);

/** Refusals without a reason, which only a status has: the claim was not decided in time, or its job failed finally. */
export const WITHOUT_REASON: ReadonlySet<string | undefined> = new Set(['timed_out', 'unavailable']);

/**
 * The requests that can have made this claim: those that were answered with it, and those with an unknown result. Refused
 * requests are not among them, because the claim must not be theirs.
 */
export const makersOf = (claim: ExistingClaim, { attempts }: { attempts: readonly Attempt[] }): Attempt[] =>
  attempts.filter(
    ({ known, claimId }) =>
      (known === 'claimed' || known === 'unknown') &&
      (claimId === undefined ? known === 'unknown' : claimId === claim.id),
  );

/** Whether a status with this code says that the claim got a unit. */
export const isGranted = (code: string | undefined): boolean => code === 'claimed' || code === 'released';

/** Whether a call may have had an effect, or may still have one, although no answer says so. */
export const isUnknown = ({ status, code, done }: Pick<ClaimCall, 'status' | 'code' | 'done'>): boolean =>
  status === undefined || (status >= 500 && code !== 'overloaded' && done !== 'nothing');

/** What makes the claim id of a request with a key: its user and the key. */
export const keyOf = ({ user, key }: ClaimCall): string | undefined =>
  key === undefined ? undefined : JSON.stringify([user, key]);

/** The attempts of these claim requests. */
export const attemptsOf = (calls: readonly ClaimCall[], statuses: readonly StatusCall[]): Attempt[] => {
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
const toOutcome = (call: ClaimCall, status: StatusCall): Pick<Attempt, 'known' | 'code' | 'reason' | 'decidedAt'> => {
  const { code, user = call.user, coupon = call.coupon, answeredAt = Number.POSITIVE_INFINITY } = status;
  if (user !== call.user || coupon !== call.coupon) return { known: 'rejected', decidedAt: answeredAt };
  return { known: knownBy(code), code, reason: status.reason, decidedAt: answeredAt };
};

const knownBy = (code: string | undefined): Known => {
  if (isGranted(code)) return 'claimed';
  return REFUSALS.has(code) || WITHOUT_REASON.has(code) ? 'refused' : 'rejected';
};

const toAttempt = (call: ClaimCall, claimId: string | undefined): Attempt => {
  const attempt = { call, claimId, decidedAt: call.answeredAt ?? Number.POSITIVE_INFINITY };
  if (call.answeredAt === undefined || call.status === undefined) return { ...attempt, known: 'unknown' };
  if (call.status === 200) return { ...attempt, known: 'claimed' };
  if (call.status === 202) return { ...attempt, known: 'unknown' };
  if (REFUSALS.has(call.code)) return { ...attempt, known: 'refused', code: call.code, reason: call.reason };
  return { ...attempt, known: isUnknown(call) ? 'unknown' : 'rejected' };
};
