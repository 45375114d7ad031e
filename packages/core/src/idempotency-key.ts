import { Type } from '@sinclair/typebox';
import { IDEMPOTENCY_KEY_MAX_CHARS } from './limits.ts';

/** What a key must be; part of the error a caller reads. */
export const IDEMPOTENCY_KEY_RULE = `sent once, with 1 to ${IDEMPOTENCY_KEY_MAX_CHARS} visible ASCII characters`;

/** A key as callers send it; it is compared as it is. Node joins a repeated header with a comma and a blank, which is not visible. */
export const IdempotencyKeySchema = Type.String({
  pattern: `^[\\x21-\\x7e]{1,${IDEMPOTENCY_KEY_MAX_CHARS}}$`,
  description:
    'Makes the claim id: the same key again, at any time, gets the same claim. With another user or coupon it is 422. ' +
    'Refusals are not kept: a retry is judged anew.',
});
