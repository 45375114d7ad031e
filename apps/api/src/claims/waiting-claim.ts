import { ASYNC_GATHER_MAX_MS, type Claim, type Decision, type Place } from '@flashclaim/core';
import { points } from './points.ts';

/**
 * What became of a claim: decided; `unavailable` where nothing was done, as a store is away; `unknown` where that can't be
 * told, as a store went away while it was asked.
 */
export type Settled = { decision: Decision; claimedAt: number } | 'unavailable' | 'unknown';

/** What its caller is told: the above, or that it is decided later. */
export type Answer = Settled | 'pending';

/** What a claim tells those who carry it. */
interface Listener {
  /** The wait is over while the claim still gathers: it must get into a job now. */
  hasten: (claim: WaitingClaim) => void;
  /** Nothing more becomes of the claim here. This may come long after its caller was told `pending`. */
  settled: (claim: WaitingClaim, settled: Settled) => void;
}

/** A claim on its way through this process, and the caller who waits for it. The caller's wait may end before the claim does. */
export class WaitingClaim implements Claim {
  readonly id: string;
  readonly userId: string;
  readonly couponName: string;
  readonly requestId: string | undefined;
  /** When it came, in ms of the monotonic clock. */
  readonly since = performance.now();
  /** What the caller is told. */
  readonly answer: Promise<Answer>;
  /** Set once the caller was told `pending`. */
  toldPending = false;
  #place: Place | undefined;
  #waitIsOver = false;
  /** Whether its caller is told `pending` as soon as that is true. */
  readonly #isAsync: boolean;
  #tell!: (answer: Answer) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #listener: Listener;

  /** @param waitMs 0 is told `pending` as soon as the claim is in a job; it gathers with the others all the same. */
  constructor({ id, userId, couponName, requestId }: Claim, waitMs: number, listener: Listener) {
    this.id = id;
    this.userId = userId;
    this.couponName = couponName;
    this.requestId = requestId;
    this.#isAsync = waitMs === 0;
    this.#listener = listener;
    this.answer = new Promise((resolve) => {
      this.#tell = resolve;
    });
    this.#timer = setTimeout(() => {
      this.#waitIsOver = true;
      if (this.#place) this.#tellPending();
      else this.#listener.hasten(this);
    }, waitMs || ASYNC_GATHER_MAX_MS);
  }

  /** The job that holds this claim, once there is one. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** Whether its caller has waited long enough, and is not told anything yet. */
  get overdue(): boolean {
    return this.#waitIsOver && !this.toldPending;
  }

  /** The claim is in a job now, and will be decided whatever becomes of this process. */
  enqueued(place: Place): void {
    this.#place = place;
    if (this.#waitIsOver || this.#isAsync) this.#tellPending();
  }

  settle(settled: Settled): void {
    clearTimeout(this.#timer);
    this.#tell(settled);
    if (this.toldPending) points.late.publish(this);
    else points.reply.publish({ claim: this, told: typeof settled === 'string' ? settled : settled.decision });
    this.#listener.settled(this, settled);
  }

  /** Only of a claim in a job: one that still gathers would be lost with this process. */
  #tellPending(): void {
    clearTimeout(this.#timer);
    this.toldPending = true;
    this.#tell('pending');
    points.reply.publish({ claim: this, told: 'pending' });
  }
}
