import { Type } from '@sinclair/typebox';
import { IDEMPOTENCY_KEY_MAX_CHARS } from './limits.ts';

/** The rule for keys, as error details state it. */
export const IDEMPOTENCY_KEY_RULE =
  `sent once, with 1 to ${IDEMPOTENCY_KEY_MAX_CHARS} visible ASCII characters, ` +
  `or with a string of RFC 8941: 1 to ${IDEMPOTENCY_KEY_MAX_CHARS} printable ASCII characters in quotation marks`;

/** A key as it is. Only a string of RFC 8941 may begin with a quotation mark. */
const BARE = `[\\x21\\x23-\\x7e][\\x21-\\x7e]{0,${IDEMPOTENCY_KEY_MAX_CHARS - 1}}`;

/** A string of RFC 8941: a backslash escapes a quotation mark or a backslash, and nothing else. */
const QUOTED = `"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\["\\\\]){1,${IDEMPOTENCY_KEY_MAX_CHARS}}"`;

/** A key as callers send it. Node joins a repeated header with a comma and a blank: two whole keys have neither form. */
export const IdempotencyKeySchema = Type.String({
  pattern: `^(?:${BARE}|${QUOTED})$`,
  description:
    'Makes the claim id, together with the user: the same key again, at any time, gets the same claim. With another coupon it ' +
    'is 422. A refusal is not kept: a retry is decided again. `"k1"` (a string of RFC 8941) and `k1` are the same key. ' +
    'Use random keys, such as UUIDs.',
});

/** The key that a valid header contains. Keys are compared byte for byte. */
export const readIdempotencyKey = (header: string): string =>
  header.startsWith('"') ? header.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : header;
