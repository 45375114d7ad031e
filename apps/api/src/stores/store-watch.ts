import { DRIVER_TIMEOUT_MS, STORE_ASK_EVERY_MS, STORE_SILENT_INTERVALS_MAX } from '@flashclaim/core';
import { type Logger, within } from '@flashclaim/service';
import { ProblemError } from '../problem.ts';

/** A store was away before it was asked, or went away before it answered. */
export class StoreAwayError extends ProblemError {
  /** Whether it was asked: it may have done what it was told, then. */
  readonly asked: boolean;

  constructor(store: string, asked: boolean) {
    const done = asked ? 'What it was asked to do may be done or not.' : 'Nothing was done.';
    super('unavailable', `${store} does not answer. ${done} Try again shortly.`);
    this.asked = asked;
  }
}

export interface StoreWatchOptions {
  /** What people call the store. */
  name: string;
  /** A small question to it. */
  ask: () => Promise<unknown>;
  /** Whether an error of a question means that the store can't answer; others are passed on. */
  isFault: (error: unknown) => boolean;
  log: Pick<Logger, 'warn' | 'info'>;
}

/**
 * Knows whether a store is there, so that nobody has to wait to find out: asks it one small question at a time.
 *
 * Silence is counted in intervals of our own and not by the clock. When this very process stood still, the answer may be
 * waiting to be read; between two intervals the event loop has read what had come.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<(error: StoreAwayError) => void>();
  readonly #listeners: ((away: boolean) => void)[] = [];
  #away = false;
  #closed = false;
  #asking = false;
  #silentIntervals = 0;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => {
      if (!this.#asking) void this.#ask();
      else if (++this.#silentIntervals === STORE_SILENT_INTERVALS_MAX) this.#turn(true);
    }, STORE_ASK_EVERY_MS);
  }

  get name(): string {
    return this.#options.name;
  }

  get away(): boolean {
    return this.#away;
  }

  /** Calls back on every change, once it is known. */
  onChange(listener: (away: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /** For those who know without a question, as from a connection that was closed. It is back with the next answer. */
  wentAway(): void {
    this.#turn(true);
  }

  /**
   * Puts a question to the store.
   * @throws StoreAwayError at once where it is away, or as soon as it is known to be.
   */
  async answer<T>(question: () => Promise<T>): Promise<T> {
    if (this.#away) throw new StoreAwayError(this.name, false);
    const { promise: gone, reject } = Promise.withResolvers<never>();
    this.#waiting.add(reject);
    const timer = setTimeout(() => reject(new StoreAwayError(this.name, true)), DRIVER_TIMEOUT_MS);
    try {
      return await Promise.race([question(), gone]);
    } catch (error) {
      throw this.#options.isFault(error) ? new StoreAwayError(this.name, true) : error;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(reject);
    }
  }

  /** It says nothing more: a connection that is closed now was closed by us. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    this.#silentIntervals = 0;
    const answered = await within(DRIVER_TIMEOUT_MS, this.#options.ask()).then(
      () => true,
      () => false,
    );
    this.#asking = false;
    this.#turn(!answered);
  }

  #turn(away: boolean): void {
    if (away === this.#away || this.#closed) return;
    this.#away = away;
    if (away) {
      this.#options.log.warn(`${this.name} is away: who needs it is told so`);
      for (const reject of this.#waiting) reject(new StoreAwayError(this.name, true));
    } else this.#options.log.info(`${this.name} is back`);
    for (const listener of this.#listeners) listener(away);
  }
}
