import { randomUUID } from 'node:crypto';

/** Where the version digit stands in a UUID's text. */
const VERSION_AT = 14;

/**
 * A new claim id: a UUIDv7 (RFC 9562), which begins with the time, so that the index of claim ids grows at its end, and
 * holds 74 random bits, so that nobody guesses another's. Made from Node's UUIDv4, whose random bits come in bulk:
 * drawing them for each id took a tenth of this process's busy time.
 */
export const newClaimId = (now = Date.now()): string => {
  const time = now.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(VERSION_AT + 1)}`;
};
