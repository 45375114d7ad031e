import { COMMIT_TIMEOUT_MS, DRIVER_TIMEOUT_MS } from '@flashclaim/core';
import { withTimeout } from '@flashclaim/runtime';
import {
  type ClientSession,
  type Db,
  type Document,
  type MongoClient,
  MongoError,
  MongoErrorLabel,
  MongoServerError,
} from 'mongodb';
import { DURABLE } from './mongo.ts';

/** Waits for a command of a transaction: a command that the driver loses must not hold its caller for ever. */
export const answered = <T>(command: Promise<T>): Promise<T> => withTimeout(DRIVER_TIMEOUT_MS, command);

/** An `insert` or an `update` command, as MongoDB takes them. */
export type WriteCommand =
  | { insert: string; documents: readonly object[] }
  | { update: string; updates: readonly { q: Document; u: Document; multi: boolean }[] };

/**
 * Runs a write command in the session's transaction. Resolves to the number of documents that were inserted or matched.
 * Not by the driver's bulk API: that measures and copies every document, which costs a sixth of the whole transaction.
 * @throws MongoServerError as the first write did, such as a duplicate key.
 */
export const writeInTransaction = async (db: Db, session: ClientSession, command: WriteCommand): Promise<number> => {
  const { n, writeErrors } = await answered(db.command(command, { session }));
  if (writeErrors?.length > 0) throw new MongoServerError(writeErrors[0]);
  return n;
};

/** Whether nobody knows if the transaction was committed. */
export const isCommitUnknown = (error: unknown): boolean =>
  hasLabel(error, MongoErrorLabel.UnknownTransactionCommitResult);

/** Whether another transaction was in the way, or the connection broke before the commit. */
export const isTransient = (error: unknown): boolean => hasLabel(error, MongoErrorLabel.TransientTransactionError);

const hasLabel = (error: unknown, label: MongoErrorLabel): boolean =>
  error instanceof MongoError && error.hasErrorLabel(label);

/**
 * One attempt at one transaction. Resolves once a majority has all that it wrote, and all that it read.
 * The driver's own `withTransaction` would go on by itself for up to 120 s.
 */
export const inTransaction = async <T>(
  client: MongoClient,
  body: (session: ClientSession) => Promise<T>,
): Promise<T> => {
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
 * Where nobody knows whether the commit arrived, even after the driver has repeated it, it is sent once more: harmless where
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
