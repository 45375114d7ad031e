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
import { DURABLE, isDuplicateKey } from './mongo.ts';

/** A timeout around a command of a transaction: if the driver loses the command, its caller must not wait for ever. */
export const withDriverTimeout = <T>(command: Promise<T>): Promise<T> => withTimeout(DRIVER_TIMEOUT_MS, command);

/** An `insert` or `update` command of MongoDB. */
export type WriteCommand =
  | { insert: string; documents: readonly object[] }
  | { update: string; updates: readonly { q: Document; u: Document; multi: boolean }[] };

/**
 * Runs a write command in the session's transaction. Resolves to the number of documents that were inserted or matched.
 * It does not use the driver's bulk API, which measures and copies every document: that costs a sixth of the transaction.
 * @throws MongoServerError with the error of the first write that failed, for example a duplicate key.
 */
export const writeInTransaction = async (db: Db, session: ClientSession, command: WriteCommand): Promise<number> => {
  const { n, writeErrors } = await withDriverTimeout(db.command(command, { session }));
  if (writeErrors?.length > 0) throw new MongoServerError(writeErrors[0]);
  return n;
};

/** Whether the outcome of a commit is unknown. */
export const isCommitUnknown = (error: unknown): boolean =>
  hasLabel(error, MongoErrorLabel.UnknownTransactionCommitResult);

/** Whether a transaction conflicted with another one, or its connection broke before the commit. */
export const isTransient = (error: unknown): boolean => hasLabel(error, MongoErrorLabel.TransientTransactionError);

const hasLabel = (error: unknown, label: MongoErrorLabel): boolean =>
  error instanceof MongoError && error.hasErrorLabel(label);

/**
 * Runs one attempt at a transaction. Resolves once a majority has everything that it wrote and read.
 * The driver's own `withTransaction` would retry by itself for up to 120 s.
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
    // An error of the abort is ignored: the first error says more, and the server ends an abandoned transaction by itself.
    if (session.inTransaction()) await withDriverTimeout(session.abortTransaction()).catch(() => {});
    throw error;
  } finally {
    await withDriverTimeout(session.endSession()).catch(() => {});
  }
};

/** Attempts of `retryTransaction`. */
const ATTEMPTS_MAX = 5;

/**
 * Runs a transaction again where another one has written the same documents, or its commit is unknown. For transactions that may
 * run twice.
 */
export const retryTransaction = async <T>(
  client: MongoClient,
  body: (session: ClientSession) => Promise<T>,
): Promise<T> => {
  for (let attempts = 1; ; attempts++) {
    try {
      return await inTransaction(client, body);
    } catch (error) {
      const isRetried = isDuplicateKey(error) || isTransient(error) || isCommitUnknown(error);
      if (!isRetried || attempts === ATTEMPTS_MAX) throw error;
    }
  }
};

/**
 * Commits. Where the outcome is unknown even after the driver's own retry, the commit is sent once more. A second commit is
 * harmless. Without it, a transaction that is still open would block its coupons for five seconds, until MongoDB ends it.
 */
const commit = async (session: ClientSession): Promise<void> => {
  try {
    await withDriverTimeout(session.commitTransaction());
  } catch (error) {
    if (!isCommitUnknown(error)) throw error;
    await withDriverTimeout(session.commitTransaction());
  }
};
