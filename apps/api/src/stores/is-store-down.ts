import { MongoError, MongoServerError } from 'mongodb';

const MAX_TIME_EXPIRED = 50;

/** A server that shuts down or changes its role interrupts a read with one of these, and with no label. */
const ROLE_CHANGES: ReadonlySet<unknown> = new Set([
  91, // ShutdownInProgress
  189, // PrimarySteppedDown
  11_600, // InterruptedAtShutdown
  11_602, // InterruptedDueToReplStateChange
]);

/**
 * Errors of the driver itself: no connection, no primary, no answer in time. Or errors of a server that changes its role, or does
 * not know whether a majority has a commit.
 */
export const isStoreDown = (error: unknown): boolean =>
  error instanceof MongoError &&
  (!(error instanceof MongoServerError) ||
    error.hasErrorLabel('RetryableWriteError') ||
    error.hasErrorLabel('TransientTransactionError') ||
    error.hasErrorLabel('UnknownTransactionCommitResult') ||
    error.code === MAX_TIME_EXPIRED ||
    ROLE_CHANGES.has(error.code));
