import { ask, type Peer, type Question } from './ask.ts';
import type { ClaimDocument } from './documents.ts';
import { ClaimError, FlashclaimError } from './errors.ts';
import { CLAIM_ATTEMPTS_DEFAULT, CLAIM_TIMEOUT_DEFAULT_MS } from './limits.ts';
import { type ClaimOutcome, type ClaimRequest, type Pending, readClaim } from './read-claim.ts';
import { Tries } from './tries.ts';

export interface ClaimOptions {
  /** Names the claim for as long as you keep it. Without one, each call is a claim of its own. */
  idempotencyKey?: string | undefined;
  /** Ends the call at once, with the signal's reason. The claim may be decided all the same. */
  signal?: AbortSignal | undefined;
  /** For all attempts and pauses together. */
  timeoutMs?: number | undefined;
  /** How many requests may fail; 1 is no second try. */
  attempts?: number | undefined;
}

/**
 * Claims until the outcome is known: tries again with the same key where an attempt failed, and asks again while the claim
 * is pending.
 * @throws ClaimError where there is no outcome; the signal's reason where it aborts; RangeError on a wrong option.
 */
export const claim = async (peer: Peer, request: ClaimRequest, options: ClaimOptions): Promise<ClaimOutcome> => {
  const tries = new Tries(peer, readOptions(options));
  const submission: Question = {
    method: 'POST',
    url: `${peer.baseUrl}/api/coupons/claim`,
    headers: { 'idempotency-key': tries.idempotencyKey },
    body: { user_id: request.userId, coupon_name: request.couponName } satisfies ClaimDocument,
  };
  let question = submission;
  for (;;) {
    const heard = await hear(peer, question, { tries, request });
    if (heard instanceof FlashclaimError) {
      // The API may lose sight of a claim that it told to be pending. With the same key it is safe to submit it again.
      const lost = question !== submission && heard.code === 'not_found';
      await tries.failed(heard, lost);
      if (lost) question = submission;
    } else if (heard.outcome === 'pending') {
      await tries.pending(heard.claimId, heard.retryAfterMs);
      question = heard.next;
    } else return heard;
  }
};

/** @throws RangeError, or ClaimError on a key that no header can hold as it is. */
const readOptions = ({ idempotencyKey = crypto.randomUUID(), signal, ...numbers }: ClaimOptions) => {
  const { timeoutMs = CLAIM_TIMEOUT_DEFAULT_MS, attempts = CLAIM_ATTEMPTS_DEFAULT } = numbers;
  if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs is ${timeoutMs}, but it must be more than 0.`);
  if (!(attempts >= 1)) throw new RangeError(`attempts is ${attempts}, but it must be at least 1.`);
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey))
    throw new ClaimError(
      { code: 'invalid_request', message: 'idempotencyKey must be 1 to 255 visible ASCII characters.' },
      { idempotencyKey, claimed: 'no', claimId: undefined, attempts: 0 },
    );
  return { idempotencyKey, signal, timeoutMs, attempts };
};

/** Asks, and reads what the answer says of the claim. A failure is a value here: most of them pass. */
const hear = async (
  peer: Peer,
  question: Question,
  { tries, request }: { tries: Tries; request: ClaimRequest },
): Promise<ClaimOutcome | Pending | FlashclaimError> => {
  try {
    return readClaim(await ask(peer, question, tries.patience), request);
  } catch (error) {
    if (error instanceof FlashclaimError) return error;
    throw error;
  }
};
