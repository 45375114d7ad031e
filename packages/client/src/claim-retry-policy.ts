import { ClaimError, type Fault, type FlashclaimError } from './errors.ts';
import { type RetryOptions, RetryPolicy } from './retry-policy.ts';
import type { Transport } from './send-request.ts';

/** How often and for how long one claim is retried, and what is known about it so far. */
export class ClaimRetryPolicy extends RetryPolicy {
  readonly #idempotencyKey: string;
  #maybeClaimed = false;
  #claimId: string | undefined;

  constructor(transport: Transport, idempotencyKey: string, options: RetryOptions) {
    super(transport, 'The claim', options);
    this.#idempotencyKey = idempotencyKey;
  }

  /**
   * Pauses before the status of a pending claim is requested. This does not count as a failure.
   * @throws ClaimError if no time is left.
   */
  async claimPending(claimId: string, retryAfterMs: number | undefined): Promise<void> {
    this.#maybeClaimed = true;
    this.#claimId = claimId;
    await this.pending(retryAfterMs);
  }

  /**
   * Records a failed request and pauses before the next one.
   * @param isLost the API does not know a claim that it answered as pending before.
   * @throws ClaimError if another attempt can't help, or none is left.
   */
  async claimFailed(failure: FlashclaimError, isLost: boolean): Promise<void> {
    // The key belongs to another claim, so this claim does not exist, whatever an earlier failure suggested.
    this.#maybeClaimed = failure.code !== 'idempotency_key_reused' && (this.#maybeClaimed || !isNotClaimed(failure));
    await this.failed(failure, isLost);
  }

  protected override toError(fault: Fault): ClaimError {
    return new ClaimError(fault, {
      idempotencyKey: this.#idempotencyKey,
      claimed: this.#maybeClaimed ? 'unknown' : 'no',
      claimId: this.#claimId,
      attempts: this.failures,
    });
  }
}

/**
 * Whether a failure proves that this attempt claimed nothing. A 503 says it in `done`, and the API answers 4xx only for a claim
 * that holds no unit. Every other failure leaves it unknown.
 */
const isNotClaimed = ({ code, status = 0, done }: FlashclaimError): boolean => {
  if (done === 'nothing') return true;
  return status >= 400 && status < 500 && code !== 'no_answer' && code !== 'not_flashclaim';
};
