import { type ClaimJobResult, type JobRecord, QUERY_TIMEOUT_MS, type StoredJobRecord } from '@flashclaim/core';
import { type ClientSession, Timestamp } from 'mongodb';
import { COLLECTIONS } from './collections.ts';
import { databaseTimeOf } from './database-time.ts';
import type { Mongo } from './mongo.ts';
import { withDriverTimeout, writeInTransaction } from './transaction.ts';

/** A job record as MongoDB stores it. Its `_id` is the job's id, which is unique, so a job can't be decided twice. */
export interface JobRecordFields {
  _id: string;
  deadline: Date;
  /** Cluster time of the snapshot that the decision used. */
  decided_at: Timestamp;
  /** Absent where the job expired, as `result` is. */
  first_claim?: string;
  result?: ClaimJobResult;
}

/** MongoDB replaces this value by the cluster time of the insert. */
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

/** The records of these jobs, by job id. Without a session, this is a majority read. */
export const readJobRecords = async (
  { jobRecords }: Mongo,
  jobIds: readonly string[],
  session?: ClientSession,
): Promise<Map<string, StoredJobRecord>> => {
  if (jobIds.length === 0) return new Map();
  const found = await jobRecords.find({ _id: { $in: [...jobIds] } }, session ? { session } : {}).toArray();
  return new Map(found.map((fields) => [fields._id, toJobRecord(fields)]));
};

/** A page of the records, the latest first: their ids begin with the deadline. */
export const readLatestJobRecords = async (
  { jobRecords }: Mongo,
  { skip, limit }: { skip: number; limit: number },
): Promise<StoredJobRecord[]> => {
  const found = await jobRecords.find({}, { sort: { _id: -1 }, skip, limit, maxTimeMS: QUERY_TIMEOUT_MS }).toArray();
  return found.map(toJobRecord);
};

/** About how many records there are. It does not read them. */
export const countJobRecords = ({ jobRecords }: Mongo): Promise<number> =>
  jobRecords.estimatedDocumentCount({ maxTimeMS: QUERY_TIMEOUT_MS });

/**
 * Inserts records in the session's transaction.
 * @throws MongoServerError where a record exists already, or another transaction inserts it at the same time.
 */
export const insertJobRecords = async (
  { db }: Mongo,
  session: ClientSession,
  records: readonly JobRecord[],
): Promise<void> => {
  if (records.length === 0) return;
  await writeInTransaction(db, session, { insert: COLLECTIONS.jobRecords, documents: records.map(toRecordFields) });
};

/**
 * Reads the records of jobs in a transaction. Where a job has no record and its deadline has passed, inserts a record that it
 * has expired. A read in a transaction contains every write that was acknowledged before, also on a new primary.
 * Resolves to the records, by job id; a job that is still undecided has none.
 */
export const readOrExpireJobs = async (
  mongo: Mongo,
  session: ClientSession,
  jobs: readonly { jobId: string; deadline: number }[],
): Promise<Map<string, StoredJobRecord>> => {
  const jobIds = jobs.map(({ jobId }) => jobId);
  const records = await withDriverTimeout(readJobRecords(mongo, jobIds, session));
  if (jobs.length === 0) return records;
  const now = databaseTimeOf(session);
  const expired = jobs.filter(({ jobId, deadline }) => !records.has(jobId) && now > deadline);
  if (expired.length === 0) return records;
  await insertJobRecords(mongo, session, expired);
  return withDriverTimeout(readJobRecords(mongo, jobIds, session));
};
