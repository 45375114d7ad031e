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

  #sendWhatMay(): void {
    while (this.#jobsUnderWay < JOBS_UNDER_WAY_MAX) {
      const claims = this.#take();
      if (claims.length === 0) return;
      this.#jobsUnderWay++;
      void this.#send(claims).finally(() => {
        this.#jobsUnderWay--;
        this.#sendWhatMay();
      });
    }
  }

  /** The next claims, as many as one job may hold, without those whose callers were turned away. */
  #take(): WaitingClaim[] {
    const claims: WaitingClaim[] = [];
    let chars = 0;
    let taken = 0;
    for (const claim of this.#waiting) {
      if (claims.length === JOB_CLAIMS_MAX || chars >= JOB_CHARS_MAX) break;
      taken++;
      if (claim.withdrawn) continue;
      claims.push(claim);
      chars += claim.userId.length + claim.couponName.length;
    }
    this.#waiting = this.#waiting.slice(taken);
    return claims;
  }
}
