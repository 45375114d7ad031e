import type { Claim, Decision } from '@flashclaim/core';

/** What became of a claim: decided, or `unavailable` where that can't be told. */
export type Settled = { decision: Decision; claimedAt: number } | 'unavailable';

/** What its caller is told: the above, or that it is decided later. */
export type Answer = Settled | 'pending';

/** Where a claim is: its job's id and its place in the job. */
export interface Place {
  lane: number;
  jobId: string;
  index: number;
}

/**
 * A claim on its way through this process, and the caller who waits for it.
 * The caller's wait may end before the claim does: `answer` resolves once, `settled` maybe long after.
 */
export class WaitingClaim implements Claim {
  readonly id: string;
  readonly userId: string;
  readonly couponName: string;
  readonly answer: Promise<Answer>;
  readonly settled: Promise<Settled>;
  /** Set once the caller was told `pending`. */
  toldPending = false;
  #place: Place | undefined;
  #waitIsOver = false;
  #tell!: (answer: Answer) => void;
  #end!: (settled: Settled) => void;
  #timer: NodeJS.Timeout;

  /** @param hasten called where the wait ends while the claim still gathers: it must get into a job now. */
  constructor({ id, userId, couponName }: Claim, waitMs: number, hasten: () => void) {
    this.id = id;
    this.userId = userId;
    this.couponName = couponName;
    this.answer = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.settled = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#timer = setTimeout(() => {
      this.#waitIsOver = true;
      if (this.#place) this.#tellPending();
      else hasten();
    }, waitMs);
  }

  /** The job that holds this claim, once there is one. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** The claim is in a job now, and will be decided whatever becomes of this process. */
  enqueued(place: Place): void {
    this.#place = place;
    if (this.#waitIsOver) this.#tellPending();
  }

  settle(settled: Settled): void {
    clearTimeout(this.#timer);
    this.#tell(settled);
    this.#end(settled);
  }

  /** Only of a claim in a job: one that still gathers would be lost with this process. */
  #tellPending(): void {
    this.toldPending = true;
    this.#tell('pending');
  }
}
