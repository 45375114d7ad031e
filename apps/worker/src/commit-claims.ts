import {
  CLOCK_JUMP_MAX_SECONDS,
  type Claim,
  type ClaimJobResult,
  changesOf,
  decideJobs,
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
  databaseTimeOf,
  insertJobRecords,
  inTransaction,
  isCommitUnknown,
  isDuplicateKey,
  isTransient,
  type Mongo,
  type ReadSnapshot,
  readCoupons,
  readJobRecords,
  readSnapshot,
  withDriverTimeout,
} from '@flashclaim/store';
import { type ClientSession, MongoServerError } from 'mongodb';
import { channels, type RetryReason } from './channels.ts';
import type { CouponCache, Prediction } from './coupon-cache.ts';
import { SnapshotContradicted, type TakenCoupon, takeUnits } from './take-units.ts';
import { unitsOf, writeChanges } from './write-changes.ts';

/** Attempts at a transaction while the database contradicts the snapshot. Then the job is retried. */
const COMMIT_ATTEMPTS_MAX = 5;

/** The longest pause after the first write conflict; twice as long after the second, and so on. */
const COMMIT_PAUSE_MAX_MS = 50;

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
 * The first attempt does not read what the `cache` predicts: its commands are units, record, claims and commit.
 * The units come first, because the coupon contains the numbers and the time of the grants. Where existing claims are likely, or
 * are to be released, it reads them before. Where the database contradicts a prediction, the next attempt reads everything.
 * @param jobs no two with the same id.
 * @throws MongoError where the database can't be reached, or rejects a write: the job is then retried. JobRejectedError where no run can decide a
 *   job.
 */
export const commitJobs = async (parts: CommitParts, jobs: readonly Job[]): Promise<JobResults> => {
  const predicted = await predict(parts, claimsOf(jobs));
  for (let attempt = 1; ; attempt++) {
    try {
      return await decideAndCommit({ ...parts, jobs, isFirst: attempt === 1, predicted });
    } catch (error) {
      const reason = retryReasonOf(error, attempt === 1);
      if (!reason || attempt === COMMIT_ATTEMPTS_MAX) throw error;
      channels.retry.publish(reason);
      // Two transactions conflict. A random pause, so that they do not conflict again.
      if (reason === 'transient') await sleep(Math.random() * attempt * COMMIT_PAUSE_MAX_MS);
    }
  }
};

/** Reads coupons that the cache does not know, before the transaction: that is far cheaper than to read claims as well. */
const predict = async ({ mongo, cache }: CommitParts, claims: readonly Claim[]): Promise<Prediction | undefined> => {
  const unknown = cache.unknownOf(claims);
  if (unknown.size > 0) cache.add(await withDriverTimeout(readCoupons(mongo.coupons, unknown)));
  return cache.predict(claims);
};

/** The simulation replaces the global timer by its own clock. It can't replace that of `node:timers/promises`. */
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/**
 * Why an attempt is retried; undefined where it is not. This is the one table of retries. After an unknown commit, the next
 * attempt finds the records of the jobs if the commit succeeded.
 *
 * Where MongoDB rejects a command of the first attempt, a coupon can't be written as predicted. The second attempt needs no such
 * write if the job has a record or has expired, or if the coupon is paused.
 */
const retryReasonOf = (error: unknown, isFirst: boolean): RetryReason | undefined => {
  if (error instanceof SnapshotContradicted) return 'contradicted';
  if (error instanceof DeadlinePassed) return 'deadline';
  if (isDuplicateKey(error)) return 'duplicate';
  if (isTransient(error)) return 'transient';
  if (isCommitUnknown(error)) return 'commit_unknown';
  return isFirst && error instanceof MongoServerError ? 'rejected' : undefined;
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
  taken: ReadonlyMap<string, TakenCoupon>;
}

const decideAndCommit = async (attempt: Attempt): Promise<JobResults> => {
  const { mongo, cache } = attempt;
  const start = performance.now();
  const { decided, snapshot, results, taken } = await inTransaction(mongo.client, (session) =>
    decide(attempt, session),
  );
  channels.commit.publish({ decided, milliseconds: performance.now() - start });
  cache.update(claimsOf(decided.map(({ job }) => job)), snapshot, taken);
  return results;
};

const claimsOf = (jobs: readonly Job[]): Claim[] => jobs.flatMap(({ claims }) => claims);

const decide = async (attempt: Attempt, session: ClientSession): Promise<Decided> => {
  const { mongo, jobs, isFirst } = attempt;
  const sorted = await sortByRecords(attempt, session);
  // The time of the first command: later reads of the transaction see the same snapshot.
  const sortedAt = session.operationTime?.toBigInt();
  const prediction = isFirst ? attempt.predicted : undefined;
  const snapshot =
    prediction && !prediction.contested ? withoutClaims(prediction) : await readFor(mongo, session, sorted, prediction);
  const decided = decideJobs(snapshot, sorted.open);
  if (prediction && !prediction.contested) requireGrants(decided);
  const changes = changesOf(
    snapshot,
    claimsOf(sorted.open),
    decided.flatMap(({ decisions }) => decisions),
  );

  const taken = await takeUnits({ mongo, session, couponIds: snapshot.couponIds }, changes, prediction !== undefined);
  const decidedAt = sortedAt ?? snapshot.readAt ?? session.operationTime?.toBigInt();
  if (isFirst) checkDeadlines(jobs, databaseTimeOf(session));
  const units = unitsOf(changes, taken);
  const results = new Map(decided.map((one) => [one.job.id, toResult(one, snapshot.existing, units)]));
  // Two runs of a job conflict at its record, whatever else they write.
  const records = [...sorted.open, ...sorted.expired].map((job) => newRecord(job, results.get(job.id), decidedAt));
  await insertJobRecords(mongo, session, records);
  await writeChanges({ mongo, session }, changes, taken, units);

  for (const job of sorted.expired) results.set(job.id, repeatResult(job, undefined, snapshot));
  for (const { job, record } of sorted.recorded) results.set(job.id, repeatResult(job, record.result, snapshot));
  return { decided, snapshot, results, taken };
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

/**
 * Without a read, an insert finds whether a claim exists under a key. So a key that another claim of the list keeps from being
 * granted must be read: its claim may exist, and have been released.
 */
const requireGrants = (decided: readonly JobDecision[]): void => {
  for (const { job, decisions } of decided)
    if (
      decisions.some((decision, index) => decision === 'already_claimed' && job.claims[index]?.requestId !== undefined)
    )
      throw new SnapshotContradicted('a key was refused without a read');
};

/** The snapshot where none of the claims exists, and no user has a unit. */
const withoutClaims = (prediction: Prediction): ReadSnapshot => ({
  ...prediction,
  existing: new Map(),
  holders: new Map(),
});

/**
 * Reads the snapshot for the open jobs, and which claims of the other jobs exist. Coupons that are predicted are not read.
 * Otherwise every claim is searched by its id as well, because a claim that has ended is not found by its user.
 */
const readFor = (
  mongo: Mongo,
  session: ClientSession,
  { open, expired, recorded }: SortedJobs,
  predicted: Prediction | undefined,
) => {
  const settled = [...expired, ...recorded.map(({ job }) => job), ...(predicted ? [] : open)];
  return withDriverTimeout(readSnapshot(mongo, { session }, claimsOf(open), claimsOf(settled), predicted));
};
