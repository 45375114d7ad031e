import { ClaimRetryPolicy } from './claim-retry-policy.ts';
import type { ClaimDocument } from './documents.ts';
import { ClaimError, FlashclaimError } from './errors.ts';
import { type ClaimOutcome, type ClaimRequest, readClaim } from './read-claim.ts';
import type { RetryOptions } from './retry-policy.ts';
import type { HttpRequest, Transport } from './send-request.ts';

export interface ClaimOptions extends RetryOptions {
  /**
   * Identifies the user's claim: calls with the same user and key can make only one claim. By default each call gets a key of
   * its own. Use random keys, as crypto.randomUUID() makes them.
   */
  idempotencyKey?: string | undefined;
}

/**
 * Claims until the outcome is known: retries a failed attempt with the same key, and polls the status of a pending claim.
 * @throws ClaimError if there is no outcome; the signal's reason if it aborts; RangeError on a wrong option.
 */
export const claim = async (
  transport: Transport,
  request: ClaimRequest,
  { idempotencyKey = crypto.randomUUID(), ...options }: ClaimOptions,
): Promise<ClaimOutcome> => {
  const policy = new ClaimRetryPolicy(transport, idempotencyKey, options);
  requireSendable(idempotencyKey);
  const submission: HttpRequest = {
    method: 'POST',
    url: `${transport.baseUrl}/api/coupons/claim`,
    headers: { 'idempotency-key': idempotencyKey },
    body: { user_id: request.userId, coupon_name: request.couponName } satisfies ClaimDocument,
  };
  let next = submission;
  for (;;) {
    const result = await policy.attempt(next, (answer) => readClaim(answer, request));
    if (result instanceof FlashclaimError) {
      // The API may lose a claim that it answered as pending. To submit it again with the same key is safe.
      const isLost = next !== submission && result.code === 'not_found';
      await policy.claimFailed(result, isLost);
      if (isLost) next = submission;
    } else if (result.outcome === 'pending') {
      await policy.claimPending(result.claimId, result.retryAfterMs);
      next = result.next;
    } else return result;
  }
};

/** @throws ClaimError on a key that a header can't contain unchanged. */
const requireSendable = (idempotencyKey: string): void => {
  // In the header, a key that begins with a quotation mark would be a quoted key.
  if (/^(?!")[\x21-\x7e]{1,255}$/.test(idempotencyKey)) return;
  throw new ClaimError(
    {
      code: 'invalid_request',
      message: 'idempotencyKey must be 1 to 255 visible ASCII characters, and not begin with a quotation mark.',
    },
    { idempotencyKey, claimed: 'no', claimId: undefined, attempts: 0 },
  );
};
