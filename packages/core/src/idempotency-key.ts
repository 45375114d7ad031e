import { Type } from '@sinclair/typebox';
import { IDEMPOTENCY_KEY_MAX_CHARS } from './limits.ts';

/** The rule for keys, as error details state it. */
export const IDEMPOTENCY_KEY_RULE = `sent once, with 1 to ${IDEMPOTENCY_KEY_MAX_CHARS} visible ASCII characters`;

/**
 * A key as callers send it, compared byte for byte. Node joins a repeated header with a comma and a blank. A blank is not a
 * visible character, so a repeated header is refused.
 */
export const IdempotencyKeySchema = Type.String({
  pattern: `^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_MAX_CHARS}}$`,
  description:
    'Makes the claim id: the same key again, at any time, gets the same claim. With another user or coupon it is 422. ' +
    'A refusal is not kept: a retry is decided again.',
});
