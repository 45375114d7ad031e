import { JOB_CLAIMS_MAX, LANE_BLOCKED_MS, LANE_JOBS_MAX, LINGER_STEP_MS, TURN_CLAIMS_MAX } from '@flashclaim/core';
import type { WaitingClaim } from './waiting-claim.ts';

/**
 * Between two flushes that are sent although a batch is in flight. Without a worker, each claim would otherwise
 * become a job.
 */
const FLUSH_SOON_EVERY_MS = 100;

/** Names and ids in one job, in characters: bounds the memory of a job in Redis and in the worker. */
const JOB_CHARS_MAX = 1024 * 1024;

/** A batch with fewer claims lingers after an answer, while claims keep arriving. */
const LINGER_CLAIMS_MAX = 100;

/** The longest linger. */
const LINGER_MAX_MS = 5;

/** Batches of one coupon in flight in a blocked lane: where they all fail, they must not fill the lane. */
const COUPON_BATCHES_MAX = 5;

export interface BatcherOptions {
  /** Batches that may be in flight at once. */
  inFlightMax: number;
  /** Takes a batch. Resolves once the batch is settled; never rejects. */
  send: (claims: WaitingClaim[]) => Promise<void>;
}

/**
 * Collects claims into batches: while a batch is in flight, later claims wait, and then go together.
 * Where no batch is in flight, a claim goes at once, with all claims of the same turn of the event loop. No timer delays it.
 *
 * A coupon that can't be written fails every job that contains it. So in a blocked lane, each coupon gets batches of its own, one
 * after the other. They do not wait for those of other coupons.
 */
export class Batcher {
  #waiting: WaitingClaim[] = [];
  /** With the time when each was sent, in that order. */
  readonly #inFlight = new Map<readonly WaitingClaim[], number>();
  #claimsInFlight = 0;
  /** The batches in flight that were sent while the lane was blocked: each has the claims of one coupon. */
  readonly #ofOneCoupon = new Set<readonly WaitingClaim[]>();
  #sentAt = Number.NEGATIVE_INFINITY;
  #isScheduled = false;
  /** The number of waiting claims that ends the linger; 0 where there is no linger. */
  #lingerFor = 0;
  #isFlushing = false;
  readonly #options: BatcherOptions;

  constructor(options: BatcherOptions) {
    this.#options = options;
  }

  /** Claims keep their order of arrival. */
  add(claim: WaitingClaim): void {
    this.#waiting.push(claim);
    if (claim.overdue) this.flushSoon();
    if (this.#waiting.length >= TURN_CLAIMS_MAX && this.#inFlight.size === 0) {
      this.#lingerFor = 0;
      this.#sendAllowed();
    }
    if (this.#waiting.length >= this.#lingerFor) this.#lingerFor = 0;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#sendAllowed();
    });
  }

  /** Sends all waiting claims soon, whatever is in flight. Not at once, so that claims still share jobs. */
  flushSoon(): void {
    if (this.#isFlushing) return;
    const pauseMs = this.#sentAt + FLUSH_SOON_EVERY_MS - performance.now();
    if (pauseMs <= 0) {
      this.#flush();
      return;
    }
    this.#isFlushing = true;
    setTimeout(() => {
      this.#isFlushing = false;
      this.#flush();
    }, pauseMs);
  }

  /** Sends all waiting claims now; in a blocked lane, as many as it may. Gives up overdue claims that it may not send. */
  #flush(): void {
    if (this.#isBlocked) {
      this.#sendByCoupon();
      this.#giveUpOverdue();
    } else this.flushAll();
  }

  /** Sends all waiting claims now, also in a blocked lane. */
  flushAll(): void {
    while (this.#waiting.length > 0) this.#send(this.#waiting);
  }

  /** Claims that wait or are in flight. */
  get size(): number {
    return this.#claimsInFlight + this.#waiting.length;
  }

  /**
   * Whether this lane has no capacity for a coupon: too many batches are in flight, or there are more claims than one batch may
   * contain and the oldest of them has been here for `ageMaxMs`. In a blocked lane, only batches and claims of the coupon count.
   */
  isFull(couponName: string, ageMaxMs: number): boolean {
    if (this.#inFlight.size >= LANE_JOBS_MAX) return true;
    if (this.#isBlocked) {
      const batches = this.#batchesOf(couponName);
      if (batches.length >= COUPON_BATCHES_MAX) return true;
      let claims = batches.reduce((sum, { length }) => sum + length, 0);
      // Every new claim asks this, while thousands may wait: so nothing is copied.
      for (const claim of this.#waiting) if (claim.couponName === couponName) claims += 1;
      return claims >= JOB_CLAIMS_MAX;
    }
    if (this.#claimsInFlight + this.#waiting.length < JOB_CLAIMS_MAX) return false;
    const [oldest = this.#waiting] = this.#inFlight.keys();
    return performance.now() - (oldest[0] as WaitingClaim).since > ageMaxMs;
  }

  /** Whether a batch has been in flight for too long. */
  get #isBlocked(): boolean {
    const [sentAt = Number.POSITIVE_INFINITY] = this.#inFlight.values();
    return performance.now() - sentAt > LANE_BLOCKED_MS;
  }

  /** Those that were sent while the lane was blocked. */
  #batchesOf(coupon: string): (readonly WaitingClaim[])[] {
    return [...this.#ofOneCoupon].filter(([first]) => first?.couponName === coupon);
  }

  #sendAllowed(): void {
    if (this.#lingerFor > 0) return;
    if (this.#isBlocked) this.#sendByCoupon();
    else while (this.#waiting.length > 0 && this.#inFlight.size < this.#options.inFlightMax) this.#send(this.#waiting);
  }

  /** Sends waiting claims in batches of one coupon. Only a claim that is overdue does not wait for the one before. */
  #sendByCoupon(): void {
    const coupons = Map.groupBy(this.#waiting, ({ couponName }) => couponName);
    this.#waiting = [];
    for (const [name, claims] of coupons) {
      const max = claims.some((claim) => claim.overdue) ? COUPON_BATCHES_MAX : 1;
      while (claims.length > 0 && this.#batchesOf(name).length < max && this.#inFlight.size < LANE_JOBS_MAX)
        this.#ofOneCoupon.add(this.#send(claims));
      this.#waiting.push(...claims);
    }
  }

  /** Only a claim in a job may be answered `pending`. */
  #giveUpOverdue(): void {
    const overdue = this.#waiting.filter((claim) => claim.overdue);
    this.#waiting = this.#waiting.filter((claim) => !claim.overdue);
    for (const claim of overdue) claim.settle('unavailable');
  }

  /** Sends the first of these claims, and returns them. */
  #send(waiting: WaitingClaim[]): readonly WaitingClaim[] {
    const claims = waiting.splice(0, countForBatch(waiting));
    this.#sentAt = performance.now();
    this.#inFlight.set(claims, this.#sentAt);
    this.#claimsInFlight += claims.length;
    void this.#options.send(claims).finally(() => {
      this.#inFlight.delete(claims);
      this.#claimsInFlight -= claims.length;
      this.#ofOneCoupon.delete(claims);
      this.#lingerOrSend(this.#waiting.length + claims.length, performance.now() + LINGER_MAX_MS);
    });
    return claims;
  }

  /**
   * Waits a moment before a small batch. Callers who were answered just now may send their next claims, and one job for all
   * costs hardly more than one for a few. The linger ends once all callers are back, or once no more claims arrive.
   */
  #lingerOrSend(expected: number, until: number): void {
    const waiting = this.#waiting.length;
    const enough = Math.min(expected, LINGER_CLAIMS_MAX);
    if (waiting === 0 || waiting >= enough || performance.now() >= until) {
      this.#lingerFor = 0;
      this.#sendAllowed();
      return;
    }
    this.#lingerFor = enough;
    const check = () => {
      // Otherwise the linger has ended, and what waits now waits for a batch in flight.
      if (this.#lingerFor > 0) this.#lingerOrSend(expected, this.#waiting.length > waiting ? until : 0);
    };
    // A timer that is due fires before the turn that reads the new claims. With few callers, the check comes after that turn, so
    // all of them share one batch. With more callers, two batches alternate: one is decided while the other is answered.
    setTimeout(() => (expected > LINGER_CLAIMS_MAX ? check() : setImmediate(check)), LINGER_STEP_MS);
  }
}

/** How many of the first claims one batch may contain. */
const countForBatch = (claims: readonly WaitingClaim[]): number => {
  let chars = 0;
  const tooMany = claims.findIndex(({ userId, couponName }, index) => {
    chars += userId.length + couponName.length;
    return index === JOB_CLAIMS_MAX || chars > JOB_CHARS_MAX;
  });
  return tooMany === -1 ? claims.length : tooMany;
};
