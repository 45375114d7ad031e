import { type Claim, type ClaimJob, type ClaimStatus, type JobAnswer, laneAgeMaxMs, laneOf } from '@flashclaim/core';
import type { Logger } from '@flashclaim/runtime';
import type { DatabaseClock, Mongo } from '@flashclaim/store';
import type { Queue } from 'bullmq';
import type { StoreWatch } from '../stores/store-watch.ts';
import { AdmissionControl, OVERLOADED, type Rejection } from './admission/admission-control.ts';
import type { EventLoopLag } from './admission/event-loop-lag.ts';
import { Batcher } from './batcher.ts';
import { channels } from './channels.ts';
import { claimIdOfKey, newClaimId } from './claim-id.ts';
import { ClaimStatuses } from './claim-statuses.ts';
import { ClosedCoupons, isClosedBy } from './closed-coupons.ts';
import { Dispatcher } from './dispatcher.ts';
import type { findClaims } from './find-claims.ts';
import { PendingClaims } from './pending-claims.ts';
import { Recovery } from './recovery.ts';
import { type Answer, type Settled, WaitingClaim } from './waiting-claim.ts';

/**
 * Jobs of this process in flight in one lane. Measured: with more, smaller jobs a hot coupon is slower, because a
 * transaction costs the same for one claim as for many.
 */
const JOBS_IN_FLIGHT_MAX = 1;

export interface ClaimPathOptions {
  /** One for each lane, by its number. */
  queues: readonly Queue<ClaimJob, void>[];
  mongo: Mongo;
  databaseClock: Pick<DatabaseClock, 'now'>;
  stores: { redis: StoreWatch; mongo: StoreWatch };
  eventLoop: Pick<EventLoopLag, 'isSlow'>;
  /** Whether MongoDB contains as many pending records as it may. */
  arePendingClaimsFull: () => boolean;
  /** How long a claim waits for its decision, unless its caller wants less. */
  waitMaxMs: number;
  /** Claims that may be undecided in this process. */
  pendingMax: number;
  log: Pick<Logger, 'warn'>;
  /** For the simulation. */
  find?: typeof findClaims;
}

/** A claim as a route receives it. Names are normalised. */
export interface ClaimRequest {
  userId: string;
  couponName: string;
  /** The user's idempotency key, and the id that distinguishes this request from others under the same key. */
  keyed?: { key: string; requestId: string } | undefined;
  /** Where the caller wants to wait for less time than `waitMaxMs`. */
  waitMs?: number | undefined;
}

/**
 * The path of a claim through an API process: admit → submit → batch → dispatch → answer. `routes/claims.ts` calls `submit`
 * and `answer`, and `reply.ts` makes the HTTP answer. `channels.ts` is for observers only.
 *
 * 1. **Admit** (`admission/`). Too many undecided claims, a slow event loop, or a store that is down: the claim is rejected, and
 *    nothing is done. The load shedder checks this before it reads a body. `submit` checks it again, and also rejects where the
 *    lane is full, or with `respond-async` where the pending records are.
 * 2. **Submit**. The claim gets its id and a timer for its wait. A claim for a coupon that was closed a moment ago (sold out, or
 *    its sale is not open) needs no job: `ClosedCoupons` refuses it by a read, or forwards it to step 3.
 * 3. **Batch** (`Batcher`, one for each lane). While a job of the lane is in flight, later claims wait, and then share a job.
 * 4. **Dispatch** (`Dispatcher`). A batch goes to its lane as one BullMQ job. Once Redis has confirmed it, the claim needs this
 *    process only if Redis loses the job. Where Redis does not confirm it, the answer is 503; if Redis was asked, the claim may
 *    still be decided.
 * 5. **Answer**. The worker publishes the job's result (`answers.ts` subscribes), and `receive` settles the claims. Where that
 *    message is lost, `Recovery` reads the job's record in MongoDB: each second, and when Redis is up again. A job without a
 *    record that Redis does not know is enqueued again; after its deadline it is recorded as expired. Where the wait ends first,
 *    `PendingClaims` records the claim in MongoDB, and the caller is answered 202: every process can then tell its status
 *    (`ClaimStatuses`). Where that record can't be written, the answer is 503 with the `claim_id`.
 *
 * Nothing here protects the stock: the worker's transaction does (`commit-claims.ts`). The API never grants. A caller who hangs
 * up changes nothing: the claim stays on its path until it is settled.
 *
 * A release of a claim takes the same path from step 3 on, as an entry of a job of its coupon's lane (`release`). Its 202 needs no
 * record, because the claim itself has a status, and to repeat a release is harmless.
 *
 * A new outcome starts in `OUTCOMES` (core/claim.ts) and `decideClaims`. The compiler then asks for its letter (job.ts), its
 * problem (problem.ts) and its text (`reply.ts`); `AFTER_WAITING` in the route, the client and the audit list it by hand.
 */
export class ClaimPath {
  readonly admission: AdmissionControl;
  readonly #statuses: ClaimStatuses;
  readonly #batchers: readonly Batcher[];
  readonly #dispatcher: Dispatcher;
  readonly #recovery: Recovery;
  readonly #closed: ClosedCoupons;
  readonly #pendingClaims: PendingClaims;
  readonly #options: ClaimPathOptions;

  constructor(options: ClaimPathOptions) {
    const { queues, mongo, databaseClock, stores, eventLoop, pendingMax, log, find } = options;
    const { redis, mongo: mongoWatch } = stores;
    this.#options = options;
    this.admission = new AdmissionControl({ redis, mongo: mongoWatch, eventLoop, pendingMax });
    const forward = (claim: WaitingClaim) => this.#batcherOf(claim.couponName).add(claim);
    this.#closed = new ClosedCoupons({ mongo, mongoWatch, log, forward });
    const dispatcher = new Dispatcher({ queues, redis, databaseClock, log });
    this.#batchers = queues.map(
      (_, lane) =>
        new Batcher({ inFlightMax: JOBS_IN_FLIGHT_MAX, send: (claims) => dispatcher.dispatch(lane, claims) }),
    );
    this.#dispatcher = dispatcher;
    this.#recovery = new Recovery({ dispatcher, redis, mongo, mongoWatch, databaseClock, log });
    this.#pendingClaims = new PendingClaims({ mongo, mongoWatch, isFull: options.arePendingClaimsFull, log });
    this.#statuses = new ClaimStatuses({ mongo, mongoWatch, waitingMax: pendingMax, ...(find && { find }) });
    // Redis is down: send all batches now, so that their callers get their 503 at once.
    redis.onChange((isDown) => (isDown ? this.#flushAll() : this.recover()));
  }

  /** Steps 1 to 3. Returns the claim, or why it is not admitted. */
  submit({ userId, couponName, keyed, waitMs = this.#options.waitMaxMs }: ClaimRequest): WaitingClaim | Rejection {
    const rejection = this.#rejectionOf(couponName);
    if (rejection) return rejection;
    if (waitMs === 0 && this.#options.arePendingClaimsFull()) return OVERLOADED;

    const id = keyed ? claimIdOfKey(userId, keyed.key) : newClaimId();
    const claim = this.#newWaitingClaim({ id, userId, couponName, requestId: keyed?.requestId }, waitMs);
    if (!this.#closed.take(claim)) this.#batcherOf(couponName).add(claim);
    return claim;
  }

  /** Submits the release of a claim that exists. Returns the claim that waits for it, or why it is not admitted. */
  release({ id, userId, couponName }: Claim): WaitingClaim | Rejection {
    const rejection = this.#rejectionOf(couponName);
    if (rejection) return rejection;
    const claim = this.#newWaitingClaim({ id, userId, couponName, operation: 'release' }, this.#options.waitMaxMs);
    this.#batcherOf(couponName).add(claim);
    return claim;
  }

  #rejectionOf(couponName: string): Rejection | undefined {
    const { rejection } = this.admission;
    if (rejection) return rejection;
    return this.#batcherOf(couponName).isFull(couponName, laneAgeMaxMs(this.#options.waitMaxMs))
      ? OVERLOADED
      : undefined;
  }

  /** Acquires the capacity that `settled` releases. */
  #newWaitingClaim(claim: Claim, waitMs: number): WaitingClaim {
    this.admission.acquire();
    const waiting = new WaitingClaim(claim, waitMs, this.#events);
    channels.submit.publish(waiting);
    return waiting;
  }

  /** Step 5. Resolves to what the caller is answered. */
  async answer(claim: WaitingClaim): Promise<Answer> {
    const answer = await claim.answer;
    return answer === 'pending' && !claim.operation ? this.#pendingClaims.record(claim) : answer;
  }

  readonly #events = {
    /** The wait is over: the claim must get into a job now, because only a job is decided without this process. */
    timedOut: (claim: WaitingClaim): void => {
      if (!this.#closed.release(claim)) this.#batcherOf(claim.couponName).flushSoon();
    },
    settled: (claim: WaitingClaim, settled: Settled): void => {
      this.admission.release();
      if (typeof settled === 'object' && isClosedBy(settled.decision)) this.#closed.remember(claim.couponName);
    },
  };

  /** The id under which workers publish answers to this process. */
  get processId(): string {
    return this.#dispatcher.processId;
  }

  /** Takes an answer that a worker published, as JSON. */
  receive(message: string): void {
    try {
      const { jobId, result, committedAt } = JSON.parse(message) as JobAnswer;
      this.#dispatcher.answer(jobId, result, committedAt);
    } catch (error) {
      const { message: why } = error as Error;
      this.#options.log.warn({ error: why }, 'an answer is not readable; its job record is read instead');
    }
  }

  /** Answers may have been lost: checks every job in flight. */
  recover(): void {
    this.#recovery.check(0);
  }

  /** Claims in this process that are not decided yet, by lane. */
  get claimsInLanes(): number[] {
    return this.#batchers.map((batcher) => batcher.size);
  }

  status(claimId: string): Promise<ClaimStatus | undefined> {
    return this.#statuses.find(claimId);
  }

  close(): void {
    this.#recovery.close();
  }

  #flushAll(): void {
    for (const batcher of this.#batchers) batcher.flushAll();
  }

  #batcherOf(couponName: string): Batcher {
    return this.#batchers[laneOf(couponName, this.#batchers.length)] as Batcher;
  }
}
