import { type Fault, type FaultCode, FlashclaimError } from './errors.ts';
import {
  ATTEMPTS_DEFAULT,
  BACKOFF_FIRST_MS,
  BACKOFF_MAX_MS,
  PENDING_PAUSE_MS,
  RETRIED_CALL_TIMEOUT_DEFAULT_MS,
} from './limits.ts';
import { type Answer, type HttpRequest, type RequestOptions, sendRequest, type Transport } from './send-request.ts';

/** The options of a call that is retried. */
export interface RetryOptions {
  /** Ends the call at once, with the signal's reason. The API may carry out the request all the same. */
  signal?: AbortSignal | undefined;
  /** For all attempts and pauses together. */
  timeoutMs?: number | undefined;
  /** How many requests may fail; 1 means no retry. */
  attempts?: number | undefined;
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

/** How often and for how long one call is retried. */
export class RetryPolicy {
  readonly #transport: Transport;
  /** What the call is about, for messages. */
  readonly #subject: string;
  readonly #signal: AbortSignal | undefined;
  readonly #attempts: number;
  readonly #deadline: number;
  #failures = 0;

  /** @throws RangeError on a wrong option. */
  constructor(transport: Transport, subject: string, { signal, ...numbers }: RetryOptions) {
    const { timeoutMs = RETRIED_CALL_TIMEOUT_DEFAULT_MS, attempts = ATTEMPTS_DEFAULT } = numbers;
    if (!(timeoutMs > 0)) throw new RangeError(`timeoutMs is ${timeoutMs}, but it must be more than 0.`);
    if (!(attempts >= 1)) throw new RangeError(`attempts is ${attempts}, but it must be at least 1.`);
    this.#transport = transport;
    this.#subject = subject;
    this.#signal = signal;
    this.#attempts = attempts;
    this.#deadline = transport.clock.now() + timeoutMs;
  }

  /** How many requests failed. */
  get failures(): number {
    return this.#failures;
  }

  /** Sends a request, and again after each failure that another attempt may not have. */
  async send<T>(request: HttpRequest, read: (answer: Answer) => T): Promise<T> {
    for (;;) {
      const result = await this.attempt(request, read);
      if (!(result instanceof FlashclaimError)) return result;
      await this.failed(result);
    }
  }

  /** Sends one request and reads its answer. Returns a failure as a value, because most failures are retried. */
  async attempt<T>(request: HttpRequest, read: (answer: Answer) => T): Promise<T | FlashclaimError> {
    try {
      return read(await sendRequest(this.#transport, request, this.#requestOptions));
    } catch (error) {
      if (error instanceof FlashclaimError) return error;
      throw error;
    }
  }

  /**
   * Pauses before the next request about something that is not decided. This does not count as a failure.
   * @throws FlashclaimError if no time is left.
   */
  async pending(retryAfterMs = PENDING_PAUSE_MS): Promise<void> {
    await this.#pause(retryAfterMs + jitter(BACKOFF_FIRST_MS), {
      code: 'timed_out',
      message: `${this.#subject} was still pending when the time for the call was over.`,
    });
  }

  /**
   * Records a failed request and pauses before the next one.
   * @param isRetried whatever its code.
   * @throws FlashclaimError if another attempt can't help, or none is left.
   */
  async failed(failure: FlashclaimError, isRetried = false): Promise<void> {
    this.#failures++;
    if (!isRetried && !TRANSIENT.includes(failure.code)) throw this.toError(failure);
    if (this.#failures >= this.#attempts) throw this.toError(this.#lastFault('attempts_exhausted', failure));
    const backoffMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (this.#failures - 1));
    const pauseMs = (failure.retryAfterMs ?? backoffMs / 2) + jitter(backoffMs / 2);
    await this.#pause(pauseMs, this.#lastFault('timed_out', failure));
  }

  /** The error that ends the call. */
  protected toError(fault: Fault): FlashclaimError {
    return fault instanceof FlashclaimError ? fault : new FlashclaimError(fault);
  }

  /** The signal and the timeout of the next request. */
  get #requestOptions(): RequestOptions {
    const timeoutMs = Math.min(this.#transport.attemptTimeoutMs, this.#deadline - this.#transport.clock.now());
    return { signal: this.#signal, timeoutMs };
  }

  /** The fault of a call without attempts or time left: it repeats what the last answer said. */
  #lastFault(code: 'attempts_exhausted' | 'timed_out', failure: FlashclaimError): Fault {
    const { status, requestId, retryAfterMs } = failure;
    const count = this.#failures === 1 ? '1 attempt' : `${this.#failures} attempts`;
    const message = `${this.#subject} has no outcome after ${count}; the last one said: ${failure.message}`;
    return { code, message, status, requestId, retryAfterMs, cause: failure };
  }

  /** Sleeps; throws the fault at once if the pause would end after the deadline. */
  async #pause(ms: number, fault: Fault): Promise<void> {
    const { clock } = this.#transport;
    this.#signal?.throwIfAborted();
    if (clock.now() + ms >= this.#deadline) throw this.toError(fault);
    await clock.sleep(ms, this.#signal);
  }
}

/** A random part of each pause, so that callers who failed together do not retry together. */
const jitter = (ms: number): number => Math.random() * ms;
