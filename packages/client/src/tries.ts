import type { Patience, Peer } from './ask.ts';
import { ClaimError, type Fault, type FaultCode, type FlashclaimError } from './errors.ts';
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, PENDING_PAUSE_MS } from './limits.ts';

export interface TriesOptions {
  idempotencyKey: string;
  signal: AbortSignal | undefined;
  timeoutMs: number;
  attempts: number;
}

/** What may be another thing the next time. */
const PASSING: readonly FaultCode[] = [
  'no_answer',
  'timed_out',
  'overloaded',
  'unavailable',
  'rate_limited',
  'request_timeout',
];

/** How often and how long one claim is tried, and what is known of it by now. */
export class Tries {
  readonly #peer: Peer;
  readonly #options: TriesOptions;
  readonly #deadline: number;
  #failures = 0;
  #maybeTaken = false;
  #claimId: string | undefined;

  constructor(peer: Peer, options: TriesOptions) {
    this.#peer = peer;
    this.#options = options;
    this.#deadline = peer.clock.now() + options.timeoutMs;
  }

  get idempotencyKey(): string {
    return this.#options.idempotencyKey;
  }

  /** What the next request may take. */
  get patience(): Patience {
    const timeoutMs = Math.min(this.#peer.attemptTimeoutMs, this.#deadline - this.#peer.clock.now());
    return { signal: this.#options.signal, timeoutMs };
  }

  /**
   * The API has the claim, and no outcome yet: pauses before it is asked for. This is no failure.
   * @throws ClaimError where no time is left.
   */
  async pending(claimId: string, retryAfterMs = PENDING_PAUSE_MS): Promise<void> {
    this.#maybeTaken = true;
    this.#claimId = claimId;
    await this.#pause(retryAfterMs + jitter(BACKOFF_FIRST_MS), {
      code: 'timed_out',
      message: `The claim ${claimId} was pending still when its time was over.`,
    });
  }

  /**
   * A request failed: pauses before the next.
   * @param lost the API no longer knows a claim that it had told to be pending.
   * @throws ClaimError where another try can't help, or none is left.
   */
  async failed(failure: FlashclaimError, lost: boolean): Promise<void> {
    this.#failures++;
    // Under a key that is another claim's, this one was not made, whatever seemed so before.
    this.#maybeTaken = failure.code !== 'idempotency_key_reused' && (this.#maybeTaken || !isNotTaken(failure));
    if (!lost && !PASSING.includes(failure.code)) throw this.#error(failure);
    if (this.#failures >= this.#options.attempts) throw this.#error(this.#end('attempts_exhausted', failure));
    const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    const pauseMs = (failure.retryAfterMs ?? backoffMs / 2) + jitter(backoffMs / 2);
    await this.#pause(pauseMs, this.#end('timed_out', failure));
  }

  /** An end for want of attempts or time tells what the last answer told. */
  #end(code: 'attempts_exhausted' | 'timed_out', failure: FlashclaimError): Fault {
    const { status, requestId, retryAfterMs } = failure;
    const count = this.#failures === 1 ? '1 attempt' : `${this.#failures} attempts`;
    const message = `The claim has no outcome after ${count}; the last one said: ${failure.message}`;
    return { code, message, status, requestId, retryAfterMs, cause: failure };
  }

  /** A pause that outlasts the time for the claim is not worth beginning. */
  async #pause(ms: number, otherwise: Fault): Promise<void> {
    const { clock } = this.#peer;
    this.#options.signal?.throwIfAborted();
    if (clock.now() + ms >= this.#deadline) throw this.#error(otherwise);
    await clock.sleep(ms, this.#options.signal);
  }

  #error(fault: Fault): ClaimError {
    return new ClaimError(fault, {
      idempotencyKey: this.#options.idempotencyKey,
      claimed: this.#maybeTaken ? 'unknown' : 'no',
      claimId: this.#claimId,
      attempts: this.#failures,
    });
  }
}

/** The API refuses nothing that holds a unit, and takes nothing of what is too much for it. After all else nobody knows. */
const isNotTaken = ({ code, status = 0 }: FlashclaimError): boolean => {
  if (code === 'overloaded') return true;
  return status >= 400 && status < 500 && code !== 'no_answer' && code !== 'not_flashclaim';
};

/** Spreads those who were all refused in the same moment. */
const jitter = (ms: number): number => Math.random() * ms;
