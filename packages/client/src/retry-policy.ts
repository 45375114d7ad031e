import { ClaimError, type Fault, type FaultCode, type FlashclaimError } from './errors.ts';
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, PENDING_PAUSE_MS } from './limits.ts';
import type { RequestOptions, Transport } from './send-request.ts';

export interface RetryOptions {
  idempotencyKey: string;
  signal: AbortSignal | undefined;
  timeoutMs: number;
  attempts: number;
}

/** Failures that another attempt may not have. */
const TRANSIENT: readonly FaultCode[] = [
  'no_answer',
  'timed_out',
  'overloaded',
  'unavailable',
  'rate_limited',
  'request_timeout',
];

/** How often and for how long one claim is retried, and what is known about it so far. */
export class RetryPolicy {
  readonly #transport: Transport;
  readonly #options: RetryOptions;
  readonly #deadline: number;
  #failures = 0;
  #maybeClaimed = false;
  #claimId: string | undefined;

  constructor(transport: Transport, options: RetryOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#deadline = transport.clock.now() + options.timeoutMs;
  }

  get idempotencyKey(): string {
    return this.#options.idempotencyKey;
  }

  /** The signal and the timeout of the next request. */
  get requestOptions(): RequestOptions {
    const timeoutMs = Math.min(this.#transport.attemptTimeoutMs, this.#deadline - this.#transport.clock.now());
    return { signal: this.#options.signal, timeoutMs };
  }

  /**
   * Pauses before the status of a pending claim is requested. This does not count as a failure.
   * @throws ClaimError if no time is left.
   */
  async pending(claimId: string, retryAfterMs = PENDING_PAUSE_MS): Promise<void> {
    this.#maybeClaimed = true;
    this.#claimId = claimId;
    await this.#pause(retryAfterMs + jitter(BACKOFF_FIRST_MS), {
      code: 'timed_out',
      message: `The claim ${claimId} was still pending when the time for the call was over.`,
    });
  }

  /**
   * Records a failed request and pauses before the next one.
   * @param lost the API does not know a claim that it answered as pending before.
   * @throws ClaimError if another attempt can't help, or none is left.
   */
  async failed(failure: FlashclaimError, lost: boolean): Promise<void> {
    this.#failures++;
    // The key belongs to another claim, so this claim does not exist, whatever an earlier failure suggested.
    this.#maybeClaimed = failure.code !== 'idempotency_key_reused' && (this.#maybeClaimed || !isNotClaimed(failure));
    if (!lost && !TRANSIENT.includes(failure.code)) throw this.#error(failure);
    if (this.#failures >= this.#options.attempts) throw this.#error(this.#lastFault('attempts_exhausted', failure));
    const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    const pauseMs = (failure.retryAfterMs ?? backoffMs / 2) + jitter(backoffMs / 2);
    await this.#pause(pauseMs, this.#lastFault('timed_out', failure));
  }

  /** The fault of a call without attempts or time left: it repeats what the last answer said. */
  #lastFault(code: 'attempts_exhausted' | 'timed_out', failure: FlashclaimError): Fault {
    const { status, requestId, retryAfterMs } = failure;
    const count = this.#failures === 1 ? '1 attempt' : `${this.#failures} attempts`;
    const message = `The claim has no outcome after ${count}; the last one said: ${failure.message}`;
    return { code, message, status, requestId, retryAfterMs, cause: failure };
  }

  /** Sleeps; throws the fault at once if the pause would end after the deadline. */
  async #pause(ms: number, fault: Fault): Promise<void> {
    const { clock } = this.#transport;
    this.#options.signal?.throwIfAborted();
    if (clock.now() + ms >= this.#deadline) throw this.#error(fault);
    await clock.sleep(ms, this.#options.signal);
  }

  #error(fault: Fault): ClaimError {
    return new ClaimError(fault, {
      idempotencyKey: this.#options.idempotencyKey,
      claimed: this.#maybeClaimed ? 'unknown' : 'no',
      claimId: this.#claimId,
      attempts: this.#failures,
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

/** A random part of each pause, so that callers who failed together do not retry together. */
const jitter = (ms: number): number => Math.random() * ms;
