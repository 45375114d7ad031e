import { JOB_CHARS_MAX, JOB_CLAIMS_MAX } from '@flashclaim/core';
import type { WaitingClaim } from './waiting-claim.ts';

/**
 * Gathers claims: while a batch of them is under way, later claims wait, and then go together.
 * A claim that finds the way free goes at once, with all that arrived in the same turn of the event loop; no timer delays it.
 */
export class Gather {
  #waiting: WaitingClaim[] = [];
  #underWay = 0;
  #scheduled = false;
  readonly #underWayMax: number;
  readonly #send: (claims: WaitingClaim[]) => Promise<void>;

  /**
   * @param underWayMax batches that may be under way at once
   * @param send takes a batch; resolves, and never rejects, once it is done with it
   */
  constructor(underWayMax: number, send: (claims: WaitingClaim[]) => Promise<void>) {
    this.#underWayMax = underWayMax;
    this.#send = send;
  }

  /** Claims keep their order of arrival. */
  add(claim: WaitingClaim): void {
    this.#waiting.push(claim);
    if (claim.overdue) this.hasten();
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#sendWhatMay();
    });
  }

  /** Hands on all that waits, whatever is under way: somebody has waited long enough. */
  hasten(): void {
    this.#sendWhile(() => true);
  }

  #sendWhile(mayGo: () => boolean): void {
    while (this.#waiting.length > 0 && mayGo()) {
      this.#underWay++;
      void this.#send(this.#take()).finally(() => {
        this.#underWay--;
        this.#sendWhatMay();
      });
    }
  }

  #sendWhatMay(): void {
    this.#sendWhile(() => this.#underWay < this.#underWayMax);
  }

  /** The next claims, as many as one batch may hold. */
  #take(): WaitingClaim[] {
    let chars = 0;
    const tooMany = this.#waiting.findIndex(({ userId, couponName }, index) => {
      chars += userId.length + couponName.length;
      return index === JOB_CLAIMS_MAX || chars > JOB_CHARS_MAX;
    });
    return this.#waiting.splice(0, tooMany === -1 ? this.#waiting.length : tooMany);
  }
}
