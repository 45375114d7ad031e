import { SLOT_HELD_MAX_MS } from '@flashclaim/core';

/**
 * How many batches one process has under way over all its lanes. Where a sale is spread over many coupons, fewer and larger
 * jobs win: a job costs the same for one claim as for many.
 *
 * A slot is held for a limited time only, so that lanes whose jobs take long (their worker was killed, say) hold up no other.
 */
export class Slots {
  readonly #max: number;
  #held = 0;
  /** Who waits for a slot, in the order in which they came. */
  readonly #waiting = new Set<() => void>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether somebody waits for a slot. */
  get contested(): boolean {
    return this.#waiting.size > 0;
  }

  /** Returns the function that gives the slot back, or undefined; then `whenFree` is called once one may be free. */
  take(whenFree: () => void): (() => void) | undefined {
    if (this.#held >= this.#max) {
      this.#waiting.add(whenFree);
      return undefined;
    }
    this.#held++;
    let held = true;
    const giveBack = () => {
      if (!held) return;
      held = false;
      clearTimeout(timer);
      this.#held--;
      this.#offer();
    };
    const timer = setTimeout(giveBack, SLOT_HELD_MAX_MS);
    return giveBack;
  }

  /** Asks those who wait, in turn, until the slots are taken: who waited may have nothing to send any more. */
  #offer(): void {
    for (const whenFree of [...this.#waiting]) {
      if (this.#held >= this.#max) return;
      this.#waiting.delete(whenFree);
      whenFree();
    }
  }
}
