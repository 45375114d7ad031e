import { DRIVER_TIMEOUT_MS, STORE_ASK_EVERY_MS, STORE_SILENT_INTERVALS_MAX } from '@flashclaim/core';
import { type Logger, withTimeout } from '@flashclaim/runtime';
import { ProblemError } from '../http/problem.ts';

/** A store is down. */
export class StoreDownError extends ProblemError {
  readonly store: string;
  /** Whether the store received the request: then it may have carried it out. */
  readonly asked: boolean;

  constructor(store: string, asked: boolean) {
    super('unavailable', `${store} does not answer.`);
    this.store = store;
    this.asked = asked;
  }
}

export interface StoreWatchOptions {
  name: string;
  /** A small request to the store. */
  ask: () => Promise<unknown>;
  /** Whether an error means that the store is down. Other errors are passed on. */
  isFault: (error: unknown) => boolean;
  log: Pick<Logger, 'warn' | 'info'>;
}

/**
 * Knows whether a store is down, so that no request has to wait to find out. It sends one small request at a time.
 *
 * It counts intervals without an answer, and not time: when this process was suspended, the answer may have arrived, and the
 * event loop reads it between two intervals.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<(error: StoreDownError) => void>();
  readonly #listeners: ((isDown: boolean) => void)[] = [];
  #isDown = false;
  #isClosed = false;
  #isAsking = false;
  #silentIntervals = 0;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      if (!this.#isAsking) void this.#ask();
      else if (++this.#silentIntervals === STORE_SILENT_INTERVALS_MAX) this.#set(true);
    }, STORE_ASK_EVERY_MS);
  }

  get name(): string {
    return this.#options.name;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Calls the listener after every change. */
  onChange(listener: (isDown: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /** For a caller that knows it otherwise, as from a closed connection. The next answer ends it. */
  markDown(): void {
    this.#set(true);
  }

  /**
   * Sends a request to the store.
   * @throws StoreDownError at once where it is down, or as soon as it is known to be.
   */
  async answer<T>(request: () => Promise<T>): Promise<T> {
    if (this.#isDown) throw new StoreDownError(this.name, false);
    const { promise: down, reject } = Promise.withResolvers<never>();
    this.#waiting.add(reject);
    const timer = setTimeout(() => reject(new StoreDownError(this.name, true)), DRIVER_TIMEOUT_MS);
    try {
      return await Promise.race([request(), down]);
    } catch (error) {
      throw this.#options.isFault(error) ? new StoreDownError(this.name, true) : error;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(reject);
    }
  }

  /** Ends the watch. Connections that are closed from now on mean nothing. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    this.#silentIntervals = 0;
    const isUp = await withTimeout(DRIVER_TIMEOUT_MS, this.#options.ask()).then(
      () => true,
      () => false,
    );
    this.#isAsking = false;
    this.#set(!isUp);
  }

  #set(isDown: boolean): void {
    if (isDown === this.#isDown || this.#isClosed) return;
    this.#isDown = isDown;
    if (isDown) {
      this.#options.log.warn(`${this.name} is down: requests that need it are answered 503`);
      for (const reject of this.#waiting) reject(new StoreDownError(this.name, true));
    } else this.#options.log.info(`${this.name} is up again`);
    for (const listener of this.#listeners) listener(isDown);
  }
}
