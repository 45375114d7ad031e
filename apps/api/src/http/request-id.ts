import { randomBytes } from 'node:crypto';

const process = randomBytes(5).toString('hex');
let count = 0;

/**
 * A new request id, unique over all processes and cheap to make. Problems, the header and the log contain it. It is never the
 * caller's own id, because it distinguishes the requests under one idempotency key.
 */
export const requestId = (): string => `${process}-${(++count).toString(36)}`;
