import { randomBytes } from 'node:crypto';

const process = randomBytes(5).toString('hex');
let count = 0;

/**
 * An id for a request, unique over all processes and cheap: it stands in the body, the header and the log. Never the
 * caller's own: it tells requests of one idempotency key apart.
 */
export const requestId = (): string => `${process}-${(++count).toString(36)}`;
