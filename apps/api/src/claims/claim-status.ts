import {
  type ClaimStatus,
  decodeDecision,
  isGrant,
  PENDING_RECORD_KEPT_SECONDS,
  PENDING_RECORDS_PER_READ_MAX,
  type RecordedDecision,
  type StandingClaim,
  type StoredJobRecord,
} from '@flashclaim/core';
import {
  answered,
  databaseTimeOf,
  inTransaction,
  isCommitUnknown,
  isDuplicateKey,
  isTransient,
  type Mongo,
  type PendingClaim,
  readOrExpireJobs,
  readPendingClaims,
  standingClaims,
} from '@flashclaim/service';
import type { ClientSession } from 'mongodb';

/** Times that a transaction is tried while others write the same records, before its caller is asked to come back. */
const ATTEMPTS_MAX = 5;

/**
 * Where claims are, by their ids. An id that holds no unit and has no pending record, or none any more, is left out.
 *
 * A claim that a majority has is the last word. Everything else is read in a transaction: what a majority has may lag behind
 * what was acknowledged, on a primary that has just been elected, and would show a decided claim as pending or unknown.
 */
export const findClaims = async (mongo: Mongo, claimIds: readonly string[]): Promise<Map<string, ClaimStatus>> => {
  const claims = await standingClaims(mongo, claimIds);
  const others = claimIds.filter((id) => !claims.has(id));
  const statuses = new Map(mapValues(claims, toClaimed));
  if (others.length === 0) return statuses;
  const read = await retried(() => inTransaction(mongo.client, (session) => readAll(mongo, session, others)));
  return new Map([...statuses, ...read]);
};

/** Everything in one snapshot. Jobs that are too late are recorded as expired: then the answer is final. */
const readAll = async (
  mongo: Mongo,
  session: ClientSession,
  claimIds: readonly string[],
): Promise<Map<string, ClaimStatus>> => {
  const found = await answered(readPendingClaims(mongo, claimIds, session));
  const now = databaseTimeOf(session);
  // MongoDB deletes them some time after that: from then on their jobs' records may be gone, too.
  const isKept = ({ place }: PendingClaim) => now <= place.deadline + PENDING_RECORD_KEPT_SECONDS;
  const pending = new Map(mapValues(found, (some) => some.filter(isKept)));
  const records = await readOrExpireJobs(mongo, session, [...pending.values()].flat().map(toRecordKey));
  const claims = await answered(standingClaims(mongo, claimIds, session));
  const statuses = new Map(mapValues(claims, toClaimed));
  for (const [claimId, some] of pending) {
    const status = statuses.get(claimId) ?? toStatus(claimId, some, records, now);
    if (status) statuses.set(claimId, status);
  }
  return statuses;
};

const mapValues = <Value, Mapped>(
  map: ReadonlyMap<string, Value>,
  toMapped: (value: Value) => Mapped,
): [string, Mapped][] => [...map].map(([key, value]) => [key, toMapped(value)]);

/** Records that jobs have expired, unless they were decided. Resolves to all their records. */
export const expireJobs = (
  mongo: Mongo,
  jobs: readonly { jobId: string; deadline: number }[],
): Promise<Map<string, StoredJobRecord>> =>
  retried(() => inTransaction(mongo.client, (session) => readOrExpireJobs(mongo, session, jobs)));

/** Another process may decide or expire the same job at this moment: then its record is there at the next attempt. */
const retried = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      const retry = isDuplicateKey(error) || isTransient(error) || isCommitUnknown(error);
      if (!retry || attempts === ATTEMPTS_MAX) throw error;
    }
  }
};

const toClaimed = ({ id, userId, couponName, claimedAt }: StandingClaim): ClaimStatus => ({
  claim_id: id,
  status: 'claimed',
  code: 'claimed',
  user_id: userId,
  coupon_name: couponName,
  claimed_at: new Date(claimedAt).toISOString(),
});

/** A job that is undecided may still grant the claim; otherwise the latest request's record counts. */
const toStatus = (
  claimId: string,
  pending: readonly PendingClaim[],
  records: ReadonlyMap<string, StoredJobRecord>,
  now: number,
): ClaimStatus | undefined => {
  const undecided = pending.find((one) => !records.has(toJobId(one))) ?? unreadOf(pending, now);
  const latest = undecided ?? latestOf(pending, records);
  if (!latest) return undefined;
  const code = undecided ? 'pending' : decisionOf(latest, records);
  // A claim that was granted and is no more was deleted by hand.
  if (isGrant(code)) return undefined;
  return {
    claim_id: claimId,
    status: undecided ? 'pending' : 'refused',
    code,
    user_id: latest.userId,
    coupon_name: latest.couponName,
  };
};

/** Where a key was sent so often that not all of its records were read: one that stands for those that may be undecided. */
const unreadOf = (pending: readonly PendingClaim[], now: number): PendingClaim | undefined => {
  const last = pending[PENDING_RECORDS_PER_READ_MAX - 1];
  return last && now <= last.place.deadline ? last : undefined;
};

const latestOf = (
  pending: readonly PendingClaim[],
  records: ReadonlyMap<string, StoredJobRecord>,
): PendingClaim | undefined => {
  const decidedAt = (one: PendingClaim): bigint => records.get(toJobId(one))?.decidedAt ?? 0n;
  return pending.toSorted((one, other) => (decidedAt(one) < decidedAt(other) ? -1 : 1)).at(-1);
};

const decisionOf = ({ place }: PendingClaim, records: ReadonlyMap<string, StoredJobRecord>): RecordedDecision => {
  const result = records.get(place.jobId)?.result;
  return result ? decodeDecision(result, place.index).decision : 'timed_out';
};

const toJobId = ({ place }: PendingClaim): string => place.jobId;
const toRecordKey = ({ place: { jobId, deadline } }: PendingClaim) => ({ jobId, deadline });
