import type { Claim, Decision } from '@flashclaim/core';

/** What became of a claim: decided, or `unavailable` where that can't be told. */
export type Settled = { decision: Decision; claimedAt: number } | 'unavailable';

/** What its caller is told: the above, or that it is decided later, or that it was never handed on. */
export type Answer = Settled | 'pending' | 'overloaded';

/** Where a claim is: its job's id and its place in the job. */
export interface Place {
  lane: number;
  jobId: string;
  index: number;
}

/**
 * A claim on its way through this process, and the caller who waits for it.
 * The caller's wait may end before the claim does: `answer` resolves once, `settle` may come long after.
 */
export class WaitingClaim implements Claim {
  readonly id: string;
  readonly userId: string;
  readonly couponName: string;
  readonly answer: Promise<Answer>;
  /** Resolves once nothing more becomes of the claim here; to undefined where it was withdrawn. */
  readonly settled: Promise<Settled | undefined>;
  /** Set once the claim is in a job. */
  place: Place | undefined;
  /** Set once the caller was told that nothing of this claim will be done: it must not be handed on any more. */
  withdrawn = false;
  /** Set once the caller was told `pending`. */
  toldPending = false;
  #tell!: (answer: Answer) => void;
  #end!: (settled: Settled | undefined) => void;
  #timer: NodeJS.Timeout;

  constructor({ id, userId, couponName }: Claim, waitMs: number) {
    this.id = id;
    this.userId = userId;
    this.couponName = couponName;
    this.answer = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#timer = setTimeout(() => this.#giveUpWaiting(), waitMs);
  }

  settle(settled: Settled): void {
    clearTimeout(this.#timer);
    this.#tell(settled);
    this.#end(settled);
  }

  /** A claim in a job will be decided, and may be called pending. One that still gathers would be lost with this process. */
  #giveUpWaiting(): void {
    if (this.place) {
      this.toldPending = true;
      this.#tell('pending');
    } else {
      this.withdrawn = true;
      this.#tell('overloaded');
      this.#end(undefined);
    }
  }
}
