import { MongoError, MongoServerError } from 'mongodb';

const MAX_TIME_EXPIRED = 50;

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
    error.code === MAX_TIME_EXPIRED);
