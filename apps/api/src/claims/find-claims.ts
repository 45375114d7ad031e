import {
  type ClaimStatus,
  decodeDecision,
  isClosedReason,
  isGrant,
  isReleaseDecision,
  PENDING_RECORD_KEPT_SECONDS,
  PENDING_RECORDS_PER_READ_MAX,
  type RecordedDecision,
  type StoredJobRecord,
} from '@flashclaim/core';
import {
  databaseTimeOf,
  existingClaims,
  type Mongo,
  type PendingClaim,
  readOrExpireJobs,
  readPendingClaims,
  retryTransaction,
  withDriverTimeout,
} from '@flashclaim/store';
import type { ClientSession } from 'mongodb';
import { toExistingStatus } from './existing-status.ts';

/**
 * The statuses of claims, by id. The result contains no id that has no claim and no pending record.
 *
 * Everything is read in a transaction: the majority reads of a new primary may lag behind what was acknowledged, and would show
 * a released claim as claimed, or a decided one as pending or unknown.
 */
export const findClaims = (mongo: Mongo, claimIds: readonly string[]): Promise<Map<string, ClaimStatus>> =>
  retryTransaction(mongo.client, (session) => readAll(mongo, session, claimIds));

/** Reads everything in one snapshot, and records jobs after their deadline as expired, so that the statuses are final. */
const readAll = async (
  mongo: Mongo,
  session: ClientSession,
  claimIds: readonly string[],
): Promise<Map<string, ClaimStatus>> => {
  const claims = await withDriverTimeout(existingClaims(mongo, claimIds, session));
  const statuses = new Map(mapValues(claims, toExistingStatus));
  const others = claimIds.filter((id) => !claims.has(id));
  if (others.length === 0) return statuses;
  const found = await withDriverTimeout(readPendingClaims(mongo, others, session));
  const now = databaseTimeOf(session);
  // MongoDB deletes older records at some later time. Their job records may be gone already.
  const isKept = ({ place }: PendingClaim) => now <= place.deadline + PENDING_RECORD_KEPT_SECONDS;
  const pending = new Map(mapValues(found, (some) => some.filter(isKept)));
  const records = await readOrExpireJobs(mongo, session, [...pending.values()].flat().map(toRecordKey));
  for (const [claimId, some] of pending) {
    const status = toStatus(claimId, some, records, now);
    if (status) statuses.set(claimId, status);
  }
  return statuses;
};

const mapValues = <Value, Mapped>(
  map: ReadonlyMap<string, Value>,
  toMapped: (value: Value) => Mapped,
): [string, Mapped][] => [...map].map(([key, value]) => [key, toMapped(value)]);

/** Records that jobs have expired, unless they were decided. Resolves to the records of all of them. */
export const expireJobs = (
  mongo: Mongo,
  jobs: readonly { jobId: string; deadline: number }[],
): Promise<Map<string, StoredJobRecord>> =>
  retryTransaction(mongo.client, (session) => readOrExpireJobs(mongo, session, jobs));

/** An undecided job may still grant the claim. Where all are decided, the latest decision counts. */
const toStatus = (
  claimId: string,
  pending: readonly PendingClaim[],
  records: ReadonlyMap<string, StoredJobRecord>,
  now: number,
): ClaimStatus | undefined => {
  const undecided = pending.find((one) => !records.has(toJobId(one))) ?? unreadOf(pending, now);
  const latest = undecided ?? latestOf(pending, records);
  if (!latest) return undefined;
  const decision = undecided ? 'pending' : decisionOf(latest, records);
  // A granted claim that does not exist was purged, or deleted by hand.
  if (isGrant(decision) || isReleaseDecision(decision)) return undefined;
  return {
    claim_id: claimId,
    status: undecided ? 'pending' : 'refused',
    ...(isClosedReason(decision) ? { code: 'sale_not_open', reason: decision } : { code: decision }),
    user_id: latest.userId,
    coupon_name: latest.couponName,
  };
};

/** Where a key was sent so often that a read left records out: one record for those that may be undecided. */
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
  return result ? decodeDecision(result, place.index) : 'timed_out';
};

const toJobId = ({ place }: PendingClaim): string => place.jobId;
const toRecordKey = ({ place: { jobId, deadline } }: PendingClaim) => ({ jobId, deadline });
