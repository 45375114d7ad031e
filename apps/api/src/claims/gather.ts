import {
  HASTEN_EVERY_MS,
  JOB_CHARS_MAX,
  JOB_CLAIMS_MAX,
  LANE_JOBS_MAX,
  LINGER_CLAIMS_MAX,
  LINGER_MAX_MS,
  LINGER_STEP_MS,
  TURN_CLAIMS_MAX,
} from '@flashclaim/core';
import type { WaitingClaim } from './waiting-claim.ts';

export interface GatherOptions {
  /** Batches that may be under way at once. */
  underWayMax: number;
  /** Takes a batch. Resolves, and never rejects, once it is done with it. */
  send: (claims: WaitingClaim[]) => Promise<void>;
}

/**
 * Gathers claims: while a batch of them is under way, later claims wait, and then go together.
 * A claim that finds the way free goes at once, with all that arrived in the same turn of the event loop; no timer delays it.
 */
export class Gather {
  #waiting: WaitingClaim[] = [];
  /** In the order in which they went. */
  readonly #underWay = new Set<readonly WaitingClaim[]>();
  #underWayClaims = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #scheduled = false;
  /** As many waiting claims end the lingering; 0 while there is none. */
  #lingerFor = 0;
  #hastening = false;
  readonly #options: GatherOptions;

  constructor(options: GatherOptions) {
    this.#options = options;
  }

  /** Claims keep their order of arrival. */
  add(claim: WaitingClaim): void {
    this.#waiting.push(claim);
    if (claim.overdue) this.hasten();
    if (this.#waiting.length >= TURN_CLAIMS_MAX && this.#underWay.size === 0) {
      this.#lingerFor = 0;
      this.#sendWhatMay();
    }
    if (this.#waiting.length >= this.#lingerFor) this.#lingerFor = 0;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#sendWhatMay();
    });
  }

  /** Hands on all that waits, whatever is under way: somebody has waited long enough. Soon, so that claims still share jobs. */
  hasten(): void {
    if (this.#hastening) return;
    const pauseMs = this.#sentAt + HASTEN_EVERY_MS - performance.now();
    if (pauseMs <= 0) {
      this.sendAll();
      return;
    }
    this.#hastening = true;
    setTimeout(() => {
      this.#hastening = false;
      this.sendAll();
    }, pauseMs);
  }

  /** Hands on all that waits, now. */
  sendAll(): void {
    while (this.#waiting.length > 0) this.#sendOne();
  }

  /** Claims that are not done with: those that wait, and those under way. */
  get size(): number {
    return this.#underWayClaims + this.#waiting.length;
  }

  /**
   * Whether later claims had better not come: too many batches are under way, or there is more than one batch can hold and
   * the oldest claim of all has been here for so long.
   */
  isFull(ageMaxMs: number): boolean {
    if (this.#underWay.size >= LANE_JOBS_MAX) return true;
    if (this.#underWayClaims + this.#waiting.length < JOB_CLAIMS_MAX) return false;
    const [oldest = this.#waiting] = this.#underWay;
    return performance.now() - (oldest[0] as WaitingClaim).since > ageMaxMs;
  }

  #sendWhatMay(): void {
    if (this.#lingerFor > 0) return;
    while (this.#waiting.length > 0 && this.#underWay.size < this.#options.underWayMax) this.#sendOne();
  }

  #sendOne(): void {
    const claims = this.#take();
    this.#underWay.add(claims);
    this.#underWayClaims += claims.length;
    this.#sentAt = performance.now();
    void this.#options.send(claims).finally(() => {
      this.#underWay.delete(claims);
      this.#underWayClaims -= claims.length;
      this.#lingerOrSend(this.#waiting.length + claims.length, performance.now() + LINGER_MAX_MS);
    });
  }

  /**
   * A small batch is worth a moment: those who were answered just now may be back with their next claims, and a job for all
   * of them costs hardly more than one for these. It goes once they all are back, or claims have ceased to come.
   */
  #lingerOrSend(all: number, until: number): void {
    const waiting = this.#waiting.length;
    const enough = Math.min(all, LINGER_CLAIMS_MAX);
    if (waiting === 0 || waiting >= enough || performance.now() >= until) {
      this.#lingerFor = 0;
      this.#sendWhatMay();
      return;
    }
    this.#lingerFor = enough;
    setTimeout(() => {
      // Otherwise it ended before, and what waits now waits for a batch.
      if (this.#lingerFor > 0) this.#lingerOrSend(all, this.#waiting.length > waiting ? until : 0);
    }, LINGER_STEP_MS);
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
