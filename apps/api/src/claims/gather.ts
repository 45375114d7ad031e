import { JOB_CHARS_MAX, JOB_CLAIMS_MAX, JOBS_UNDER_WAY_MAX } from '@flashclaim/core';
import type { WaitingClaim } from './waiting-claim.ts';

/**
 * Gathers the claims of one lane: while a job of this process is under way there, later claims wait, and then go together.
 * A claim that finds the lane free goes at once, with all that arrived in the same turn of the event loop; no timer delays it.
 */
export class Gather {
  #waiting: WaitingClaim[] = [];
  #jobsUnderWay = 0;
  #scheduled = false;
  #send: (claims: WaitingClaim[]) => Promise<void>;

  /** @param send hands claims to the lane as one job; resolves, and never rejects, once all of them are settled. */
  constructor(send: (claims: WaitingClaim[]) => Promise<void>) {
    this.#send = send;
  }

  /** Claims keep their order of arrival. */
  add(claim: WaitingClaim): void {
    this.#waiting.push(claim);
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
      this.#jobsUnderWay++;
      void this.#send(this.#take()).finally(() => {
        this.#jobsUnderWay--;
        this.#sendWhatMay();
      });
    }
  }

  #sendWhatMay(): void {
    this.#sendWhile(() => this.#jobsUnderWay < JOBS_UNDER_WAY_MAX);
  }

  /** The next claims, as many as one job may hold. */
  #take(): WaitingClaim[] {
    let chars = 0;
    const tooMany = this.#waiting.findIndex(({ userId, couponName }, index) => {
      chars += userId.length + couponName.length;
      return index === JOB_CLAIMS_MAX || chars > JOB_CHARS_MAX;
    });
    return this.#waiting.splice(0, tooMany === -1 ? this.#waiting.length : tooMany);
  }
}
