import {
  type Claim,
  type ClaimFields,
  type ClaimJobResult,
  COMMIT_ATTEMPTS_MAX,
  COMMIT_PAUSE_MAX_MS,
  COMMIT_TIMEOUT_MS,
  type Decision,
  DRIVER_TIMEOUT_MS,
  decideClaims,
  encodeDecisions,
  grantsOf,
} from '@flashclaim/core';
import { DURABLE, isDuplicateKey, type Mongo, type ReadSnapshot, readSnapshot, within } from '@flashclaim/service';
import { type ClientSession, type MongoClient, MongoError, MongoErrorLabel, type ObjectId } from 'mongodb';
import type { Holds } from './commit-group.ts';
import { type CouponMemory, countByCoupon } from './coupon-memory.ts';
import { points, type ReasonToDecideAnew } from './points.ts';

/** The database contradicted the snapshot that was decided by: another transaction came between. */
class SnapshotContradicted extends Error {}

/** Another worker may be running the job by now, or has done it: what this run would grant, that one may have refused. */
class JobLostError extends Error {}

/** What a list of claims is committed with. */
export interface CommitParts {
  mongo: Mongo;
  memory: CouponMemory;
  /** Whether these claims' jobs are still this worker's. */
  holds: Holds;
}

/**
 * Decides and commits a list of claims in one transaction; the only place that opens one for claims.
 *
 * Resolves once every granted claim is committed with majority and journal. Running it again with the same claim ids,
 * at any time and on any worker, grants nothing twice and answers by what stands.
 *
 * The first attempt decides by what `memory` assumes, where it does: the transaction is then insert, update and commit, and
 * what is left is the server's work for each claim, four index entries, and one flush of the journal. Where the database
 * contradicts that, the next attempt reads first.
 * @throws MongoError where the database can't be reached: the job is then run again, later. JobLostError, with nothing
 *   granted, where it is not this worker's any more.
 */
export const commitClaims = async (parts: CommitParts, batch: readonly Claim[]): Promise<ClaimJobResult> => {
  let assumed = parts.memory.assume(batch);
  for (let attempt = 1; ; attempt++) {
    try {
      return await decideAndCommit({ ...parts, batch, assumed });
    } catch (error) {
      const reason = reasonToDecideAnew(error);
      if (!reason || attempt === COMMIT_ATTEMPTS_MAX) throw error;
      points.decideAnew.publish(reason);
      // Another transaction is in the way. By chance, so that two do not meet again and again.
      if (reason === 'transient') await sleep(Math.random() * attempt * COMMIT_PAUSE_MAX_MS);
      assumed = undefined;
    }
  }
};

/** By the global timer, which the simulation's clock can stand in for; that of `node:timers/promises` it can not. */
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

interface Attempt extends CommitParts {
  batch: readonly Claim[];
  assumed: ReadSnapshot | undefined;
}

const decideAndCommit = async ({ mongo, memory, holds, batch, assumed }: Attempt): Promise<ClaimJobResult> => {
  const now = new Date();
  const start = performance.now();
  const { snapshot, decisions, units } = await inTransaction(mongo.client, async (session) => {
    const snapshot = assumed ?? (await answered(readSnapshot(mongo, { session }, batch)));
    const decisions = decideClaims(snapshot, batch);
    const units = await writeGranted({ mongo, session, snapshot, now }, grantsOf(snapshot, batch, decisions));
    // Asked after the first command, which fixes what the transaction sees: nothing that another run has told came before.
    if (units.size > 0 && !(await holds())) throw new JobLostError('the job went to another worker before its commit');
    return { snapshot, decisions, units };
  });
  points.commit.publish({ claims: batch, decisions, milliseconds: performance.now() - start });
  memory.learn(batch, snapshot, units);
  return toResult(snapshot, batch, decisions, now);
};

/**
 * Errors after which reading and deciding again is the right answer. An unknown commit is one of them: had it gone
 * through, its claims are found standing. Judged outside the transaction: a duplicate key swallowed inside would hide it.
 */
const reasonToDecideAnew = (error: unknown): ReasonToDecideAnew | undefined => {
  if (error instanceof SnapshotContradicted) return 'too_few_units';
  if (isDuplicateKey(error)) return 'duplicate';
  if (hasLabel(error, MongoErrorLabel.TransientTransactionError)) return 'transient';
  return isCommitUnknown(error) ? 'commit_unknown' : undefined;
};

const isCommitUnknown = (error: unknown): boolean => hasLabel(error, MongoErrorLabel.UnknownTransactionCommitResult);

const hasLabel = (error: unknown, label: MongoErrorLabel): boolean =>
  error instanceof MongoError && error.hasErrorLabel(label);

/** Where no answer comes, the job is run again, and finds by their ids which claims stand. */
const answered = <T>(command: Promise<T>): Promise<T> => within(DRIVER_TIMEOUT_MS, command);

/** One attempt at one transaction. The driver's own `withTransaction` would go on by itself for up to 120 s. */
const inTransaction = async <T>(client: MongoClient, body: (session: ClientSession) => Promise<T>): Promise<T> => {
  const session = client.startSession();
  try {
    session.startTransaction({
      readConcern: { level: 'snapshot' },
      writeConcern: DURABLE,
      maxCommitTimeMS: COMMIT_TIMEOUT_MS,
    });
    const result = await body(session);
    await commit(session);
    return result;
  } catch (error) {
    // The first error tells more than a failed abort; the server ends an abandoned transaction by itself.
    if (session.inTransaction()) await answered(session.abortTransaction()).catch(() => {});
    throw error;
  } finally {
    await answered(session.endSession()).catch(() => {});
  }
};

/**
 * Where nobody knows whether the commit arrived, even after the driver has repeated it, it is said once more: harmless where
 * it did, and where it did not, the open transaction would keep its coupons for the five seconds until MongoDB ends it.
 */
const commit = async (session: ClientSession): Promise<void> => {
  try {
    await answered(session.commitTransaction());
  } catch (error) {
    if (!isCommitUnknown(error)) throw error;
    await answered(session.commitTransaction());
  }
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
  await answered(mongo.claims.insertMany(documents, { session }));

  const taken = mongo.coupons.bulkWrite(takeUnits(units, couponIds, now), { session });
  const { matchedCount } = await answered(taken);
  if (matchedCount !== units.size) throw new SnapshotContradicted('a coupon has fewer units than the snapshot said');
  return units;
};

/**
 * One update for all coupons that give the same number of units: a third of the server's work of one for each coupon.
 * By id and not by name: a coupon that was dropped and made anew is another one.
 */
const takeUnits = (units: ReadonlyMap<string, number>, couponIds: ReadonlyMap<string, ObjectId>, now: Date) => {
  const byCount = Map.groupBy(units, ([, count]) => count);
  return [...byCount].map(([count, coupons]) => ({
    updateMany: {
      filter: {
        _id: { $in: coupons.map(([name]) => couponIds.get(name) as ObjectId) },
        remaining_amount: { $gte: count },
      },
      update: { $inc: { remaining_amount: -count }, $set: { updated_at: now } },
    },
  }));
};

const toResult = (
  snapshot: ReadSnapshot,
  batch: readonly Claim[],
  decisions: readonly Decision[],
  now: Date,
): ClaimJobResult => {
  const replayedAt: Record<number, number> = {};
  batch.forEach(({ id }, index) => {
    const standing = snapshot.standing.get(id);
    if (standing) replayedAt[index] = standing.claimedAt;
  });
  const result = { decisions: encodeDecisions(decisions), at: now.getTime() };
  return Object.keys(replayedAt).length > 0 ? { ...result, replayedAt } : result;
};
