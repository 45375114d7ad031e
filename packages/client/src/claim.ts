import type { ClaimDocument } from './documents.ts';
import { ClaimError, FlashclaimError } from './errors.ts';
import { CLAIM_ATTEMPTS_DEFAULT, CLAIM_TIMEOUT_DEFAULT_MS } from './limits.ts';
import { type ClaimOutcome, type ClaimRequest, type Pending, readClaim } from './read-claim.ts';
import { RetryPolicy } from './retry-policy.ts';
import { type HttpRequest, sendRequest, type Transport } from './send-request.ts';

export interface ClaimOptions {
  /**
   * Identifies the user's claim: calls with the same user and key can make only one claim. By default each call gets a key of
   * its own. Use random keys, as crypto.randomUUID() makes them.
   */
  idempotencyKey?: string | undefined;
  /** Ends the call at once, with the signal's reason. The API may decide the claim all the same. */
  signal?: AbortSignal | undefined;
  /** For all attempts and pauses together. */
  timeoutMs?: number | undefined;
  /** How many requests may fail; 1 means no retry. */
  attempts?: number | undefined;
}

/**
 * Claims until the outcome is known: retries a failed attempt with the same key, and polls the status of a pending claim.
 * @throws ClaimError if there is no outcome; the signal's reason if it aborts; RangeError on a wrong option.
 */
export const claim = async (
  transport: Transport,
  request: ClaimRequest,
  options: ClaimOptions,
): Promise<ClaimOutcome> => {
  const policy = new RetryPolicy(transport, readOptions(options));
  const submission: HttpRequest = {
    method: 'POST',
    url: `${transport.baseUrl}/api/coupons/claim`,
    headers: { 'idempotency-key': policy.idempotencyKey },
    body: { user_id: request.userId, coupon_name: request.couponName } satisfies ClaimDocument,
  };
  let next = submission;
  for (;;) {
    const result = await attempt(transport, next, { policy, request });
    if (result instanceof FlashclaimError) {
      // The API may lose a claim that it answered as pending. To submit it again with the same key is safe.
      const lost = next !== submission && result.code === 'not_found';
      await policy.failed(result, lost);
      if (lost) next = submission;
    } else if (result.outcome === 'pending') {
      await policy.pending(result.claimId, result.retryAfterMs);
      next = result.next;
    } else return result;
  }
};

/** @throws RangeError, or ClaimError on a key that a header can't contain unchanged. */
const readOptions = ({ idempotencyKey = crypto.randomUUID(), signal, ...numbers }: ClaimOptions) => {
  const { timeoutMs = CLAIM_TIMEOUT_DEFAULT_MS, attempts = CLAIM_ATTEMPTS_DEFAULT } = numbers;
  if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs is ${timeoutMs}, but it must be more than 0.`);
  if (!(attempts >= 1)) throw new RangeError(`attempts is ${attempts}, but it must be at least 1.`);
  // In the header, a key that begins with a quotation mark would be a quoted key.
  if (!/^(?!")[\x21-\x7e]{1,255}$/.test(idempotencyKey))
    throw new ClaimError(
      {
        code: 'invalid_request',
        message: 'idempotencyKey must be 1 to 255 visible ASCII characters, and not begin with a quotation mark.',
      },
      { idempotencyKey, claimed: 'no', claimId: undefined, attempts: 0 },
    );
  return { idempotencyKey, signal, timeoutMs, attempts };
};

/** Sends one request and reads the claim from its answer. Returns a failure as a value, because most failures are retried. */
const attempt = async (
  transport: Transport,
  next: HttpRequest,
  { policy, request }: { policy: RetryPolicy; request: ClaimRequest },
): Promise<ClaimOutcome | Pending | FlashclaimError> => {
  try {
    return readClaim(await sendRequest(transport, next, policy.requestOptions), request);
  } catch (error) {
    if (error instanceof FlashclaimError) return error;
    throw error;
  }
};
