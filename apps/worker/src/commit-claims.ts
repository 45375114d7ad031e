import {
  CLOCK_JUMP_MAX_SECONDS,
  type Claim,
  type ClaimFields,
  type ClaimJobResult,
  COMMIT_ATTEMPTS_MAX,
  COMMIT_PAUSE_MAX_MS,
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
  answered,
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
  writeInTransaction,
} from '@flashclaim/store';
import type { ClientSession, ObjectId } from 'mongodb';
import { channels, type RetryReason } from './channels.ts';
import { type CouponCache, countByCoupon } from './coupon-cache.ts';

/** The database contradicted the snapshot that was decided by: another transaction came between. */
class SnapshotContradicted extends Error {}

/** A job was decided after its deadline, which the attempt saw only now: another worker may have recorded its expiry. */
class DeadlinePassed extends Error {}

/** What jobs are committed with. */
export interface CommitParts {
  mongo: Mongo;
  cache: CouponCache;
}

/** The results of jobs, by job id. */
export type JobResults = ReadonlyMap<string, ClaimJobResult>;

/**
 * Decides and commits a list of jobs in one transaction; the only place that opens one for claims.
 *
 * Each job is decided once: the transaction that decides it inserts a record under its id, whatever it decides. A run of a
 * job that was decided before, at any time and on any worker, finds the record, grants nothing, and returns the same result.
 * Resolves once a majority has the record and all grants in its journal.
 *
 * The first attempt decides by what `memory` assumes, where it does: the transaction is then record, claims, units and
 * commit. Where the database contradicts that, the next attempt reads first.
 * @param jobs no two with the same id.
 * @throws MongoError where the database can't be reached: the job is then run again, later. JobRejectedError where a job can
 *   never be decided.
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
      // Another transaction is in the way. By chance, so that two do not meet again and again.
      if (reason === 'transient') await sleep(Math.random() * attempt * COMMIT_PAUSE_MAX_MS);
    }
  }
};

/** By the global timer, which the simulation's clock can stand in for; that of `node:timers/promises` it can not. */
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/**
 * Errors after which reading and deciding again is the right answer. An unknown commit is one of them: had it gone
 * through, the jobs' records are found. Judged outside the transaction: a duplicate key swallowed inside would hide it.
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
  predicted: ReadSnapshot | undefined;
}

/** What one attempt read and wrote. */
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
  // biome-ignore lint/plugin: a stamp, for people to read.
  const now = new Date();
  const sorted = await sortByRecords(attempt, session);
  // Of the first read: what comes later in the transaction sees no more than that did.
  const sortedAt = session.operationTime?.toBigInt();
  const snapshot = (isFirst && attempt.predicted) || (await readFor(mongo, session, sorted));
  const decidedAt = sortedAt ?? snapshot.readAt;
  const decided = decideJobs(snapshot, sorted.open);
  const results = new Map(decided.map((one) => [one.job.id, toResult(one, snapshot.existing, now.getTime())]));

  // First of all writes: two runs of a job meet at its record, whatever else they write.
  const records = [...sorted.open, ...sorted.expired].map((job) => newRecord(job, results.get(job.id), decidedAt));
  await insertJobRecords(mongo, session, records);
  if (isFirst) checkDeadlines(jobs, databaseTimeOf(session));
  const grants = decided.flatMap(({ job, decisions }) => grantsOf(snapshot, job.claims, decisions));
  const units = await writeGranted({ mongo, session, snapshot, now }, grants);

  for (const job of sorted.expired) results.set(job.id, repeatResult(job, undefined, snapshot.existing, now.getTime()));
  for (const { job, record } of sorted.recorded)
    results.set(job.id, repeatResult(job, record.result, snapshot.existing, now.getTime()));
  return { decided, snapshot, results, units };
};

/** The first attempt takes all jobs for new and in time: then it costs no read, and its first write contradicts it otherwise. */
const sortByRecords = async ({ mongo, jobs, isFirst }: Attempt, session: ClientSession): Promise<SortedJobs> => {
  if (isFirst) return { open: [...jobs], expired: [], recorded: [] };
  const ids = jobs.map(({ id }) => id);
  const records = await answered(readJobRecords(mongo, ids, session));
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

/** A deadline that never comes would let a job run for ever, also after MongoDB has deleted its record. */
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

/** Reads what the open jobs are decided by, and which claims of the others exist. */
const readFor = (mongo: Mongo, session: ClientSession, { open, expired, recorded }: SortedJobs) => {
  const settled = [...expired, ...recorded.map(({ job }) => job)];
  return answered(readSnapshot(mongo, { session }, claimsOf(open), claimsOf(settled)));
};

interface Write {
  mongo: Mongo;
  session: ClientSession;
  snapshot: ReadSnapshot;
  now: Date;
}

/**
 * Inserts the claims, then takes their units: the contended document is held for the shortest time.
 * Resolves to the units taken, by coupon name.
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
 * One update for all coupons that give the same number of units: a third of the server's work of one for each coupon.
 * By id and not by name: a coupon that was dropped and made anew is another one.
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
