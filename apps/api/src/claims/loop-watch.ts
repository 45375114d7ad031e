import { LOOP_DELAY_MAX_MS, LOOP_LOOK_EVERY_MS } from '@flashclaim/core';

/**
 * Looks whether this process still keeps up: an interval that comes late again and again says that it does not. Requests
 * cost nothing more for it.
 */
export class LoopWatch {
  readonly #timer: NodeJS.Timeout;
  #lookedAt = performance.now();
  #wasLate = false;
  #slow = false;

  constructor() {
    this.#timer = setInterval(() => this.#look(), LOOP_LOOK_EVERY_MS);
  }

  /** Whether the last two turns of the event loop that were looked at took too long. */
  get slow(): boolean {
    return this.#slow;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const late = now - this.#lookedAt - LOOP_LOOK_EVERY_MS > LOOP_DELAY_MAX_MS;
    this.#lookedAt = now;
    this.#slow = late && this.#wasLate;
    this.#wasLate = late;
  }
}
