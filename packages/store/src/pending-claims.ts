import { PENDING_RECORDS_PER_READ_MAX, type Place } from '@flashclaim/core';
import { type ClientSession, MongoBulkWriteError } from 'mongodb';
import { DUPLICATE_KEY, type Mongo } from './mongo.ts';

/** Pending records in one insert command. */
const PENDING_RECORDS_PER_WRITE_MAX = 1_000;

/** Separates a claim id, which never contains it, from a job id. */
const SEPARATOR = '/';
/** The next character after the separator: it ends the range of a claim's records. */
const AFTER_SEPARATOR = '0';

/** The record of a claim that was answered `pending`. With it every process finds the claim's job. It never changes. */
export interface PendingClaim {
  claimId: string;
  userId: string;
  couponName: string;
  place: Place;
}

/**
 * The record as MongoDB stores it. The `_id` is `<claim id>/<job id>`, because requests with the same idempotency key share a
 * claim id.
 */
export interface PendingClaimFields {
  _id: string;
  index: number;
  user_id: string;
  coupon_name: string;
  deadline: Date;
}

const toId = ({ claimId, place }: PendingClaim): string => claimId + SEPARATOR + place.jobId;

const toFields = (claim: PendingClaim): PendingClaimFields => ({
  _id: toId(claim),
  index: claim.place.index,
  user_id: claim.userId,
  coupon_name: claim.couponName,
  deadline: new Date(claim.place.deadline * 1_000),
});

const toPendingClaim = ({ _id, index, user_id, coupon_name, deadline }: PendingClaimFields): PendingClaim => {
  const at = _id.indexOf(SEPARATOR);
  return {
    claimId: _id.slice(0, at),
    userId: user_id,
    couponName: coupon_name,
    place: { jobId: _id.slice(at + 1), index, deadline: deadline.getTime() / 1_000 },
  };
};

/** Inserts records. They are durable once it resolves. A record that exists already is the same, and stays. */
export const insertPendingClaims = async ({ pendingClaims }: Mongo, claims: readonly PendingClaim[]): Promise<void> => {
  // Requests with the same key may share a job. Then the first request counts.
  const records = [...new Map(claims.toReversed().map((claim) => [toId(claim), toFields(claim)])).values()];
  for (let start = 0; start < records.length; start += PENDING_RECORDS_PER_WRITE_MAX) {
    const some = records.slice(start, start + PENDING_RECORDS_PER_WRITE_MAX);
    await pendingClaims.insertMany(some, { ordered: false }).catch((error: unknown) => {
      if (!isDuplicatesOnly(error)) throw error;
    });
  }
};

/** Whether only duplicate keys failed. The driver wraps every fault of the command in this error, also a broken connection. */
const isDuplicatesOnly = (error: unknown): boolean => {
  if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) return false;
  const errors = [error.writeErrors].flat();
  return errors.length > 0 && errors.every(({ code }) => code === DUPLICATE_KEY);
};

/**
 * The pending records of claim ids, by claim id, latest deadline first. Without a session, this is a majority read.
 * If a claim id has more than `PENDING_RECORDS_PER_READ_MAX`, only the latest are returned.
 */
export const readPendingClaims = async (
  mongo: Mongo,
  claimIds: readonly string[],
  session?: ClientSession,
): Promise<Map<string, PendingClaim[]>> =>
  Map.groupBy(await readLatest(mongo, claimIds, session), ({ claimId }) => claimId);

const readLatest = async (
  { pendingClaims }: Pick<Mongo, 'pendingClaims'>,
  claimIds: readonly string[],
  session?: ClientSession,
): Promise<PendingClaim[]> => {
  const half = Math.floor(claimIds.length / 2);
  if (claimIds.length <= PENDING_RECORDS_PER_READ_MAX) {
    const found = await pendingClaims
      .find({ $or: claimIds.map(toRange) }, { ...(session && { session }), ...LATEST_FIRST })
      .toArray();
    if (found.length < PENDING_RECORDS_PER_READ_MAX || half === 0) return found.map(toPendingClaim);
  }
  // The limit may have cut off records, or there are many ids. Then each half of the ids is read alone.
  const first = await readLatest({ pendingClaims }, claimIds.slice(0, half), session);
  return [...first, ...(await readLatest({ pendingClaims }, claimIds.slice(half), session))];
};

/** A job id begins with its deadline. */
const LATEST_FIRST = { sort: { _id: -1 }, limit: PENDING_RECORDS_PER_READ_MAX } as const;

const toRange = (claimId: string) => ({ _id: { $gte: claimId + SEPARATOR, $lt: claimId + AFTER_SEPARATOR } });
