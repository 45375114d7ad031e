import {
  CLOCK_JUMP_MAX_SECONDS,
  type Claim,
  type ClaimFields,
  type ClaimJobResult,
  decideJobs,
  grantsOf,
  JOB_DEADLINE_SECONDS,
  type Job,
  type JobDecision,
  type JobRecord,
  JobRejectedError,
  repeatResult,
  type SortedJobs,
  sortJobs,
  toResult,
} from '@flashclaim/core';
import {
  COLLECTIONS,
  databaseTimeOf,
  insertJobRecords,
  inTransaction,
  isCommitUnknown,
  isDuplicateKey,
  isTransient,
  type Mongo,
  type ReadSnapshot,
  readJobRecords,
  readSnapshot,
  withDriverTimeout,
  writeInTransaction,
} from '@flashclaim/store';
import type { ClientSession, ObjectId } from 'mongodb';
import { channels, type RetryReason } from './channels.ts';
import { type CouponCache, countByCoupon, type Prediction } from './coupon-cache.ts';

/** Attempts at a transaction while the database contradicts the snapshot. Then the job is retried. */
const COMMIT_ATTEMPTS_MAX = 5;

/** The longest pause after the first write conflict; twice as long after the second, and so on. */
const COMMIT_PAUSE_MAX_MS = 50;

/** The database contradicts the snapshot of the decision: another transaction committed in between. */
class SnapshotContradicted extends Error {}

/** The attempt found only at its end that the deadline of a job has passed: another process may have recorded its expiry. */
class DeadlinePassed extends Error {}

export interface CommitParts {
  mongo: Mongo;
  cache: CouponCache;
}

/** The results of jobs, by job id. */
export type JobResults = ReadonlyMap<string, ClaimJobResult>;

/**
 * Decides and commits a list of jobs in one transaction. This is the only place that opens a transaction for claims.
 *
 * Each job is decided once: the transaction that decides it inserts a record under the job's id, whatever the decision. Every
 * later run of the job, on any worker, finds the record, grants nothing, and returns the same result.
 * Resolves once a majority has the record and all grants in its journal.
 *
 * The first attempt does not read the coupons where the `cache` predicts them: its commands are record, claims, units and commit.
 * Where duplicate claims are likely, it reads existing claims before. Where the database contradicts a prediction, the next
 * attempt reads everything.
 * @param jobs no two with the same id.
 * @throws MongoError where the database can't be reached: the job is then retried. JobRejectedError where no run can decide a
 *   job.
 */
export const commitJobs = async (parts: CommitParts, jobs: readonly Job[]): Promise<JobResults> => {
  const predicted = parts.cache.predict(jobs.flatMap(({ claims }) => claims));
  for (let attempt = 1; ; attempt++) {
    try {
      return await decideAndCommit({ ...parts, jobs, isFirst: attempt === 1, predicted });
    } catch (error) {
      const reason = retryReasonOf(error);
      if (!reason || attempt === COMMIT_ATTEMPTS_MAX) throw error;
      channels.retry.publish(reason);
      // Two transactions conflict. A random pause, so that they do not conflict again.
      if (reason === 'transient') await sleep(Math.random() * attempt * COMMIT_PAUSE_MAX_MS);
    }
  }
};

/** The simulation replaces the global timer by its own clock. It can't replace that of `node:timers/promises`. */
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/**
 * Why an attempt is retried; undefined where it is not. This is the one table of retries. After an unknown commit, the next
 * attempt finds the records of the jobs if the commit succeeded.
 */
const retryReasonOf = (error: unknown): RetryReason | undefined => {
  if (error instanceof SnapshotContradicted) return 'too_few_units';
  if (error instanceof DeadlinePassed) return 'deadline';
  if (isDuplicateKey(error)) return 'duplicate';
  if (isTransient(error)) return 'transient';
  return isCommitUnknown(error) ? 'commit_unknown' : undefined;
};

interface Attempt extends CommitParts {
  jobs: readonly Job[];
  isFirst: boolean;
  predicted: Prediction | undefined;
}

/** What one attempt has read and written. */
interface Decided {
  decided: JobDecision[];
  snapshot: ReadSnapshot;
  results: Map<string, ClaimJobResult>;
  units: Map<string, number>;
}

const decideAndCommit = async (attempt: Attempt): Promise<JobResults> => {
  const { mongo, cache } = attempt;
  const start = performance.now();
  const { decided, snapshot, results, units } = await inTransaction(mongo.client, (session) =>
    decide(attempt, session),
  );
  channels.commit.publish({ decided, milliseconds: performance.now() - start });
  cache.update(claimsOf(decided.map(({ job }) => job)), snapshot, units);
  return results;
};

const claimsOf = (jobs: readonly Job[]): Claim[] => jobs.flatMap(({ claims }) => claims);

const decide = async (attempt: Attempt, session: ClientSession): Promise<Decided> => {
  const { mongo, jobs, isFirst } = attempt;
  // biome-ignore lint/plugin: a timestamp for people; no decision depends on it.
  const now = new Date();
  const sorted = await sortByRecords(attempt, session);
  // The time of the first read: later reads of the transaction see the same snapshot.
  const sortedAt = session.operationTime?.toBigInt();
  const prediction = isFirst ? attempt.predicted : undefined;
  const snapshot =
    prediction && !prediction.contested ? withoutClaims(prediction) : await readFor(mongo, session, sorted, prediction);
  const decidedAt = sortedAt ?? snapshot.readAt;
  const decided = decideJobs(snapshot, sorted.open);
  const results = new Map(decided.map((one) => [one.job.id, toResult(one, snapshot.existing, now.getTime())]));

  // The first write: two runs of a job conflict at its record, whatever else they write.
  const records = [...sorted.open, ...sorted.expired].map((job) => newRecord(job, results.get(job.id), decidedAt));
  await insertJobRecords(mongo, session, records);
  if (isFirst) checkDeadlines(jobs, databaseTimeOf(session));
  const grants = decided.flatMap(({ job, decisions }) => grantsOf(snapshot, job.claims, decisions));
  const units = await writeGranted({ mongo, session, snapshot, now }, grants);
  if (prediction) await checkRefused(mongo, session, prediction, units);

  for (const job of sorted.expired) results.set(job.id, repeatResult(job, undefined, snapshot.existing, now.getTime()));
  for (const { job, record } of sorted.recorded)
    results.set(job.id, repeatResult(job, record.result, snapshot.existing, now.getTime()));
  return { decided, snapshot, results, units };
};

/** The first attempt assumes that all jobs are new and in time. That costs no read; if it is wrong, the first write fails. */
const sortByRecords = async ({ mongo, jobs, isFirst }: Attempt, session: ClientSession): Promise<SortedJobs> => {
  if (isFirst) return { open: [...jobs], expired: [], recorded: [] };
  const ids = jobs.map(({ id }) => id);
  const records = await withDriverTimeout(readJobRecords(mongo, ids, session));
  const now = databaseTimeOf(session);
  checkHorizon(jobs, now);
  return sortJobs(jobs, records, now);
};

/** @throws DeadlinePassed where a job is late; JobRejectedError where its deadline lies too far ahead. */
const checkDeadlines = (jobs: readonly Job[], now: number): void => {
  checkHorizon(jobs, now);
  const late = jobs.find(({ deadline }) => now > deadline);
  if (late) throw new DeadlinePassed(`job ${late.id} came after its deadline`);
};

/** Without this check, a job with a wrong deadline could run after MongoDB has deleted its record. */
const checkHorizon = (jobs: readonly Job[], now: number): void => {
  const far = jobs.find(({ deadline }) => deadline > now + JOB_DEADLINE_SECONDS + CLOCK_JUMP_MAX_SECONDS);
  if (far)
    throw new JobRejectedError(
      `the deadline of job ${far.id} is ${far.deadline - now} s ahead; ${JOB_DEADLINE_SECONDS} s is the most`,
    );
};

/** @param result absent where the job has expired. */
const newRecord = (
  { id, deadline, claims }: Job,
  result: ClaimJobResult | undefined,
  decidedAt: bigint | undefined,
): JobRecord => ({ jobId: id, deadline, firstClaim: claims[0]?.id, result, decidedAt });

/** The snapshot where none of the claims exists, and no user has a unit. */
const withoutClaims = ({ couponIds, remaining }: Prediction): ReadSnapshot => ({
  couponIds,
  remaining,
  existing: new Map(),
  holders: new Map(),
});

/** Reads the snapshot for the open jobs, and which claims of the other jobs exist. Coupons that are predicted are not read. */
const readFor = (
  mongo: Mongo,
  session: ClientSession,
  { open, expired, recorded }: SortedJobs,
  predicted: Prediction | undefined,
) => {
  const settled = [...expired, ...recorded.map(({ job }) => job)];
  return withDriverTimeout(readSnapshot(mongo, { session }, claimsOf(open), claimsOf(settled), predicted));
};

/**
 * Checks that the coupons exist of which nobody was granted a unit: no update has checked them. A coupon may have been deleted
 * and created again since it was read, and then the existing claims belong to the earlier coupon.
 */
const checkRefused = async (
  { coupons }: Mongo,
  session: ClientSession,
  { couponIds }: Prediction,
  units: ReadonlyMap<string, number>,
): Promise<void> => {
  const ids = [...couponIds].flatMap(([name, id]) => (units.has(name) ? [] : [id]));
  if (ids.length === 0) return;
  const options = { session, projection: { _id: 1 }, batchSize: ids.length + 1 };
  const found = await withDriverTimeout(coupons.find({ _id: { $in: ids } }, options).toArray());
  if (found.length < ids.length) throw new SnapshotContradicted('a coupon was deleted since it was read');
};

interface Write {
  mongo: Mongo;
  session: ClientSession;
  snapshot: ReadSnapshot;
  now: Date;
}

/**
 * Inserts the claims, then takes their units: so the coupon, where transactions conflict, is locked for the shortest time.
 * Resolves to the units that were taken, by coupon name.
 */
const writeGranted = async (
  { mongo, session, snapshot: { couponIds }, now }: Write,
  claims: readonly Claim[],
): Promise<Map<string, number>> => {
  const units = countByCoupon(claims);
  if (claims.length === 0) return units;
  const documents = claims.map(({ id, userId, couponName, requestId }): ClaimFields<ObjectId> => {
    const coupon_id = couponIds.get(couponName) as ObjectId;
    const document = { _id: id, user_id: userId, coupon_id, coupon_name: couponName, claimed_at: now };
    return requestId === undefined ? document : { ...document, request_id: requestId };
  });
  await writeInTransaction(mongo.db, session, { insert: COLLECTIONS.claims, documents });
  const updates = takeUnits(units, couponIds, now);
  const taken = await writeInTransaction(mongo.db, session, { update: COLLECTIONS.coupons, updates });
  if (taken !== units.size) throw new SnapshotContradicted('a coupon has fewer units than the snapshot said');
  return units;
};

/**
 * One update for all coupons with the same number of units: that costs the server a third of one update for each coupon.
 * By id and not by name: a coupon that was deleted and created again is another coupon.
 */
const takeUnits = (units: ReadonlyMap<string, number>, couponIds: ReadonlyMap<string, ObjectId>, now: Date) => {
  const byCount = Map.groupBy(units, ([, count]) => count);
  return [...byCount].map(([count, coupons]) => ({
    q: {
      _id: { $in: coupons.map(([name]) => couponIds.get(name) as ObjectId) },
      remaining_amount: { $gte: count },
    },
    u: { $inc: { remaining_amount: -count }, $set: { updated_at: now } },
    multi: true,
  }));
};
