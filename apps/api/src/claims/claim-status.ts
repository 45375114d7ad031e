import {
  type ClaimStatus,
  decodeDecision,
  isGrant,
  type JobRecord,
  PENDING_RECORD_KEPT_SECONDS,
  type RecordedDecision,
  type StandingClaim,
} from '@flashclaim/core';
import {
  answered,
  type DatabaseClock,
  databaseTimeOf,
  inTransaction,
  isCommitUnknown,
  isDuplicateKey,
  isTransient,
  type Mongo,
  type PendingClaim,
  readJobRecords,
  readOrExpireJobs,
  readPendingClaims,
  standingClaims,
} from '@flashclaim/service';

/** Times that a transaction is tried while others write the same records, before its caller is asked to come back. */
const ATTEMPTS_MAX = 5;

/** All that MongoDB says of a claim id. */
interface Evidence {
  claim: StandingClaim | undefined;
  pending: readonly PendingClaim[];
  records: ReadonlyMap<string, JobRecord>;
}

/**
 * Where a claim is. Resolves to null for an id that holds no unit and has no pending record, or none any more.
 *
 * First by reads of what a majority has, pending records before job records before claims: a claim that is decided between
 * two of them is seen as pending or decided, never as unknown. A primary that has just been elected may show less than was
 * acknowledged before. That can turn a claim into a refusal or into nothing, so those two are read again in a transaction,
 * which can't miss anything.
 */
export const findClaim = async (
  { mongo, databaseClock }: { mongo: Mongo; databaseClock: Pick<DatabaseClock, 'now'> },
  claimId: string,
): Promise<ClaimStatus | null> => {
  const pending = await readPendingClaims(mongo, claimId);
  const records = await readJobRecords(mongo, pending.map(toJobId));
  const claim = (await standingClaims(mongo, [claimId])).get(claimId);
  const status = toStatus(claimId, { claim, pending, records });
  if (status?.status === 'claimed') return status;
  const isLate = pending.some(({ place }) => databaseClock.now > place.deadline);
  if (status?.status === 'pending' && !isLate) return status;
  return retried(() => inTransaction(mongo.client, (session) => readAll(mongo, session, claimId)));
};

type Session = Parameters<Parameters<typeof inTransaction>[1]>[0];

/** Everything in one snapshot. Jobs that are too late are recorded as expired: then the answer is final. */
const readAll = async (mongo: Mongo, session: Session, claimId: string): Promise<ClaimStatus | null> => {
  const found = await answered(readPendingClaims(mongo, claimId, session));
  const now = databaseTimeOf(session);
  // MongoDB deletes them some time after that: from then on their jobs' records may be gone, too.
  const pending = found.filter(({ place }) => now <= place.deadline + PENDING_RECORD_KEPT_SECONDS);
  const records = await readOrExpireJobs(mongo, session, pending.map(toRecordKey));
  const claim = (await answered(standingClaims(mongo, [claimId], session))).get(claimId);
  return toStatus(claimId, { claim, pending, records });
};

/** Records that jobs have expired, unless they were decided. Resolves to all their records. */
export const expireJobs = (
  mongo: Mongo,
  jobs: readonly { jobId: string; deadline: number }[],
): Promise<Map<string, JobRecord>> =>
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

/** A claim outranks everything; a job that is undecided may still grant it; otherwise the latest request's record counts. */
const toStatus = (claimId: string, { claim, pending, records }: Evidence): ClaimStatus | null => {
  if (claim)
    return {
      claim_id: claimId,
      status: 'claimed',
      code: 'claimed',
      user_id: claim.userId,
      coupon_name: claim.couponName,
      claimed_at: new Date(claim.claimedAt).toISOString(),
    };
  const undecided = pending.find((one) => !records.has(toJobId(one)));
  const latest = undecided ?? pending.toSorted(byAge).at(-1);
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

const byAge = ({ place: one }: PendingClaim, { place: other }: PendingClaim): number =>
  one.deadline - other.deadline || one.jobId.localeCompare(other.jobId);

const decisionOf = ({ place }: PendingClaim, records: ReadonlyMap<string, JobRecord>): RecordedDecision => {
  const result = records.get(place.jobId)?.result;
  return result ? decodeDecision(result, place.index).decision : 'timed_out';
};

const toJobId = ({ place }: PendingClaim): string => place.jobId;
const toRecordKey = ({ place: { jobId, deadline } }: PendingClaim) => ({ jobId, deadline });
