import {
  type ClaimStatus,
  decodeDecision,
  isGrant,
  PENDING_RECORD_KEPT_SECONDS,
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
 * Where a claim is. Resolves to null for an id that holds no unit and has no pending record, or none any more.
 *
 * A claim that a majority has is the last word. Everything else is read in a transaction: what a majority has may lag behind
 * what was acknowledged, on a primary that has just been elected, and would show a decided claim as pending or unknown.
 */
export const findClaim = async (mongo: Mongo, claimId: string): Promise<ClaimStatus | null> => {
  const claim = (await standingClaims(mongo, [claimId])).get(claimId);
  return claim
    ? toClaimed(claim)
    : retried(() => inTransaction(mongo.client, (session) => readAll(mongo, session, claimId)));
};

/** Everything in one snapshot. Jobs that are too late are recorded as expired: then the answer is final. */
const readAll = async (mongo: Mongo, session: ClientSession, claimId: string): Promise<ClaimStatus | null> => {
  const found = await answered(readPendingClaims(mongo, claimId, session));
  const now = databaseTimeOf(session);
  // MongoDB deletes them some time after that: from then on their jobs' records may be gone, too.
  const pending = found.filter(({ place }) => now <= place.deadline + PENDING_RECORD_KEPT_SECONDS);
  const records = await readOrExpireJobs(mongo, session, pending.map(toRecordKey));
  const claim = (await answered(standingClaims(mongo, [claimId], session))).get(claimId);
  return claim ? toClaimed(claim) : toStatus(claimId, pending, records);
};

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
): ClaimStatus | null => {
  const undecided = pending.find((one) => !records.has(toJobId(one)));
  const latest = undecided ?? latestOf(pending, records);
  if (!latest) return null;
  const code = undecided ? 'pending' : decisionOf(latest, records);
  // A claim that was granted and is no more was deleted by hand.
  if (isGrant(code)) return null;
  return {
    claim_id: claimId,
    status: undecided ? 'pending' : 'refused',
    code,
    user_id: latest.userId,
    coupon_name: latest.couponName,
  };
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
