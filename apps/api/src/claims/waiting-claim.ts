import {
  ASYNC_BATCH_MAX_MS,
  type Claim,
  countedAs,
  type DecidedClaim,
  type Decision,
  type Place,
} from '@flashclaim/core';
import { channels } from './channels.ts';

/**
 * The result of a claim in this process: a decision; `unavailable` where nothing was done, because a store is down;
 * `unknown` where a store went down after it was asked, so that the claim may be decided or not.
 */
export type Settled = (Omit<DecidedClaim, 'decision'> & { decision: Decision }) | 'unavailable' | 'unknown';

/** What the caller is answered: the above, or that the claim will be decided later. */
export type Answer = Settled | 'pending';

/** The steps of the claim path that a claim triggers by itself. */
export interface ClaimEvents {
  /** The wait is over and the claim is in no job yet. */
  timedOut: (claim: WaitingClaim) => void;
  /** The claim is settled. This may happen long after its caller was answered `pending`. */
  settled: (claim: WaitingClaim, settled: Settled) => void;
}

/** A claim in this process, and the caller who waits for it. The wait may end before the claim is decided. */
export class WaitingClaim implements Claim {
  readonly id: string;
  readonly userId: string;
  readonly couponName: string;
  readonly requestId: string | undefined;
  readonly operation: Claim['operation'];
  /** When it arrived, in ms of the monotonic clock. */
  readonly since = performance.now();
  readonly answer: Promise<Answer>;
  /** Whether the caller was answered `pending`. */
  answeredPending = false;
  #place: Place | undefined;
  #waitIsOver = false;
  /** Whether the caller does not wait for the decision at all. */
  readonly #isAsync: boolean;
  #resolve!: (answer: Answer) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #events: ClaimEvents;

  /** @param waitMs with 0, the answer is `pending` as soon as the claim is in a job. */
  constructor({ id, userId, couponName, requestId, operation }: Claim, waitMs: number, events: ClaimEvents) {
    this.id = id;
    this.userId = userId;
    this.couponName = couponName;
    this.requestId = requestId;
    this.operation = operation;
    this.#isAsync = waitMs === 0;
    this.#events = events;
    this.answer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = setTimeout(() => {
      this.#waitIsOver = true;
      if (this.#place) this.#answerPending();
      else this.#events.timedOut(this);
    }, waitMs || ASYNC_BATCH_MAX_MS);
  }

  /** The job that contains this claim, once there is one. */
  get place(): Place | undefined {
    return this.#place;
  }

  /** Whether the wait is over and the caller has no answer yet. */
  get overdue(): boolean {
    return this.#waitIsOver && !this.answeredPending;
  }

  /** The claim is in a job: it will be decided whatever happens to this process. */
  enqueued(place: Place): void {
    this.#place = place;
    if (this.#waitIsOver || this.#isAsync) this.#answerPending();
  }

  settle(settled: Settled): void {
    clearTimeout(this.#timer);
    this.#resolve(settled);
    if (this.answeredPending) channels.late.publish(this);
    else
      channels.reply.publish({
        claim: this,
        answer: typeof settled === 'string' ? settled : countedAs(settled.decision),
      });
    this.#events.settled(this, settled);
  }

  /** Only for a claim in a job: a claim that still waits for its batch would be lost with this process. */
  #answerPending(): void {
    clearTimeout(this.#timer);
    this.answeredPending = true;
    this.#resolve('pending');
    channels.reply.publish({ claim: this, answer: 'pending' });
  }
}
