import type { ClaimJobResult, JobRecord, StoredJobRecord } from '@flashclaim/core';
import { type ClientSession, Timestamp } from 'mongodb';
import { COLLECTIONS } from './collections.ts';
import { databaseTimeOf } from './database-time.ts';
import type { Mongo } from './mongo.ts';
import { answered, writeInTransaction } from './transaction.ts';

/** A job's record, as MongoDB stores it. Its `_id` is the job's id: that one unique key decides each job once. */
export interface JobRecordFields {
  _id: string;
  deadline: Date;
  /** Cluster time of what the decision rests on. */
  decided_at: Timestamp;
  /** These two are absent where the job expired. */
  first_claim?: string;
  result?: ClaimJobResult;
}

/** MongoDB puts the cluster time in its place as it inserts the document. */
const NOW = Timestamp.fromNumber(0);

const toRecordFields = ({ jobId, deadline, firstClaim, result, decidedAt }: JobRecord): JobRecordFields => ({
  _id: jobId,
  deadline: new Date(deadline * 1_000),
  decided_at: decidedAt === undefined ? NOW : new Timestamp(decidedAt),
  ...(firstClaim !== undefined && result && { first_claim: firstClaim, result }),
});

const toJobRecord = ({ _id, deadline, decided_at, first_claim, result }: JobRecordFields): StoredJobRecord => ({
  jobId: _id,
  deadline: deadline.getTime() / 1_000,
  firstClaim: first_claim,
  result,
  decidedAt: decided_at.toBigInt(),
});

/** The records among these jobs, by job id. Without a session: those that a majority has. */
export const readJobRecords = async (
  { jobRecords }: Mongo,
  jobIds: readonly string[],
  session?: ClientSession,
): Promise<Map<string, StoredJobRecord>> => {
  if (jobIds.length === 0) return new Map();
  const found = await jobRecords.find({ _id: { $in: [...jobIds] } }, session ? { session } : {}).toArray();
  return new Map(found.map((fields) => [fields._id, toJobRecord(fields)]));
};

/** Inserts records, as a part of the session's transaction. A record that exists, or comes at the same time, fails it. */
export const insertJobRecords = async (
  { db }: Mongo,
  session: ClientSession,
  records: readonly JobRecord[],
): Promise<void> => {
  if (records.length === 0) return;
  await writeInTransaction(db, session, { insert: COLLECTIONS.jobRecords, documents: records.map(toRecordFields) });
};

/**
 * Reads the records of jobs in a transaction, and records that a job has expired where it has none and its deadline has passed.
 * What a transaction reads is never older than what was acknowledged before, also on a primary that has just been elected.
 * Resolves to the records, by job id; a job that is still undecided has none.
 */
export const readOrExpireJobs = async (
  mongo: Mongo,
  session: ClientSession,
  jobs: readonly { jobId: string; deadline: number }[],
): Promise<Map<string, StoredJobRecord>> => {
  const jobIds = jobs.map(({ jobId }) => jobId);
  const records = await answered(readJobRecords(mongo, jobIds, session));
  if (jobs.length === 0) return records;
  const now = databaseTimeOf(session);
  const expired = jobs.filter(({ jobId, deadline }) => !records.has(jobId) && now > deadline);
  if (expired.length === 0) return records;
  await insertJobRecords(mongo, session, expired);
  return answered(readJobRecords(mongo, jobIds, session));
};
