import { LOOP_CHECK_EVERY_MS, LOOP_DELAY_MAX_MS } from '@flashclaim/core';

/** Measures whether this process keeps up with its requests: a timer that fires late twice in a row says that it does not. */
export class EventLoopLag {
  readonly #timer: NodeJS.Timeout;
  #checkedAt = performance.now();
  #wasLate = false;
  #isSlow = false;

  constructor() {
    this.#timer = setInterval(() => this.#check(), LOOP_CHECK_EVERY_MS);
  }

  /** Whether the last two turns of the event loop took too long. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #check(): void {
    const now = performance.now();
    const isLate = now - this.#checkedAt - LOOP_CHECK_EVERY_MS > LOOP_DELAY_MAX_MS;
    this.#checkedAt = now;
    this.#isSlow = isLate && this.#wasLate;
    this.#wasLate = isLate;
  }
}
