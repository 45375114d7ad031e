import {
  type Claim,
  type ClaimJobResult,
  COMMIT_ATTEMPTS_MAX,
  COMMIT_TIMEOUT_MS,
  type Decision,
  encodeDecisions,
} from '@flashclaim/core';
import type { Mongo } from '@flashclaim/service';
import { type ClientSession, type MongoClient, MongoError, MongoErrorLabel } from 'mongodb';
import { decideClaims } from './decide-claims.ts';
import { type ReadSnapshot, readSnapshot } from './read-snapshot.ts';

/** The database contradicted the snapshot that was decided by: another transaction came between. */
class SnapshotContradicted extends Error {}

const DUPLICATE_KEY = 11000;

/**
 * Decides and commits a list of claims in one transaction; the only place that opens one for claims.
 *
 * Resolves once every granted claim is committed with majority and journal. Running it again with the same claim ids,
 * at any time and on any worker, grants nothing twice and answers `replayed` for what stands.
 * @throws MongoError where the database can't be reached: the job is then run again, later.
 */
export const commitClaims = async (mongo: Mongo, batch: readonly Claim[]): Promise<ClaimJobResult> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await inTransaction(mongo.client, (session) => decideAndWrite(mongo, session, batch));
    } catch (error) {
      if (!mayDecideAnew(error) || attempt === COMMIT_ATTEMPTS_MAX) throw error;
    }
  }
};

/**
 * Errors after which reading and deciding again is the right answer. An unknown commit is one of them: had it gone
 * through, its claims are found standing. Judged outside the transaction: a duplicate key swallowed inside would hide it.
 */
const mayDecideAnew = (error: unknown): boolean =>
  error instanceof SnapshotContradicted ||
  (error instanceof MongoError &&
    (error.code === DUPLICATE_KEY ||
      error.hasErrorLabel(MongoErrorLabel.TransientTransactionError) ||
      error.hasErrorLabel(MongoErrorLabel.UnknownTransactionCommitResult)));

/** One attempt at one transaction. The driver's own `withTransaction` would go on by itself for up to 120 s. */
const inTransaction = async <T>(client: MongoClient, body: (session: ClientSession) => Promise<T>): Promise<T> => {
  const session = client.startSession();
  try {
    session.startTransaction({
      readConcern: { level: 'snapshot' },
      writeConcern: { w: 'majority', journal: true },
      maxCommitTimeMS: COMMIT_TIMEOUT_MS,
    });
    const result = await body(session);
    await session.commitTransaction();
    return result;
  } catch (error) {
    // The first error tells more than a failed abort; the server ends an abandoned transaction by itself.
    if (session.inTransaction()) await session.abortTransaction().catch(() => {});
    throw error;
  } finally {
    await session.endSession();
  }
};

const decideAndWrite = async (
  mongo: Mongo,
  session: ClientSession,
  batch: readonly Claim[],
): Promise<ClaimJobResult> => {
  const snapshot = await readSnapshot(mongo, session, batch);
  const decisions = decideClaims(snapshot, batch);
  const now = new Date();
  await writeGranted({ mongo, session, snapshot, now }, granted(batch, decisions));
  return toResult(snapshot, batch, decisions, now);
};

interface Write {
  mongo: Mongo;
  session: ClientSession;
  snapshot: ReadSnapshot;
  now: Date;
}

/** Inserts the claims, then takes their units: the contended document is held for the shortest time. */
const writeGranted = async ({ mongo, session, snapshot, now }: Write, claims: readonly Claim[]): Promise<void> => {
  if (claims.length === 0) return;
  const units = new Map<string, number>();
  const documents = claims.map(({ id, userId, couponName }) => {
    units.set(couponName, (units.get(couponName) ?? 0) + 1);
    const couponId = snapshot.couponIds.get(couponName);
    if (!couponId) throw new Error(`no id for coupon ${couponName}`);
    return { _id: id, user_id: userId, coupon_id: couponId, coupon_name: couponName, claimed_at: now };
  });
  await mongo.claims.insertMany(documents, { session });

  const updates = [...units].map(([name, count]) => ({
    updateOne: {
      filter: { name, remaining_amount: { $gte: count } },
      update: { $inc: { remaining_amount: -count }, $set: { updated_at: now } },
    },
  }));
  const { matchedCount } = await mongo.coupons.bulkWrite(updates, { session });
  if (matchedCount !== units.size) throw new SnapshotContradicted('a coupon has fewer units than the snapshot said');
};

const granted = (batch: readonly Claim[], decisions: readonly Decision[]): Claim[] =>
  batch.filter((_, index) => decisions[index] === 'claimed');

const toResult = (
  snapshot: ReadSnapshot,
  batch: readonly Claim[],
  decisions: readonly Decision[],
  now: Date,
): ClaimJobResult => {
  const replayedAt: Record<number, number> = {};
  batch.forEach(({ id }, index) => {
    const at = decisions[index] === 'replayed' ? snapshot.claimedAt.get(id) : undefined;
    if (at !== undefined) replayedAt[index] = at;
  });
  const result = { decisions: encodeDecisions(decisions), at: now.getTime() };
  return Object.keys(replayedAt).length > 0 ? { ...result, replayedAt } : result;
};
