import type { ProblemCode } from '@flashclaim/core';
import type { StoreWatch } from '../../stores/store-watch.ts';
import type { EventLoopLag } from './event-loop-lag.ts';

/** Why a claim is not admitted: nothing was done, and nothing will be. */
export interface Rejection {
  code: Extract<ProblemCode, 'overloaded' | 'unavailable'>;
  detail: string;
}

const NOTHING_DONE = 'The request was not admitted: nothing was done, and nothing will be. Try again shortly.';

export const OVERLOADED: Rejection = { code: 'overloaded', detail: NOTHING_DONE };

const unavailable = ({ name }: StoreWatch): Rejection => ({
  code: 'unavailable',
  detail: `${name} does not answer. ${NOTHING_DONE}`,
});

export interface AdmissionOptions {
  redis: StoreWatch;
  mongo: StoreWatch;
  eventLoop: Pick<EventLoopLag, 'isSlow'>;
  /** Claims that may be undecided in this process. */
  pendingMax: number;
}

/** Decides whether this process admits a claim, whatever its coupon. The check costs no I/O. */
export class AdmissionControl {
  readonly #options: AdmissionOptions;
  readonly #redisDown: Rejection;
  readonly #mongoDown: Rejection;
  #pending = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#redisDown = unavailable(options.redis);
    this.#mongoDown = unavailable(options.mongo);
  }

  /** Why the next claim is not admitted; undefined where it is. */
  get rejection(): Rejection | undefined {
    const { redis, mongo, eventLoop } = this.#options;
    if (redis.isDown) return this.#redisDown;
    if (mongo.isDown) return this.#mongoDown;
    return this.capacity <= 0 || eventLoop.isSlow ? OVERLOADED : undefined;
  }

  /** Claims that can still be admitted. */
  get capacity(): number {
    return this.#options.pendingMax - this.#pending;
  }

  acquire(): void {
    this.#pending++;
  }

  release(): void {
    this.#pending--;
  }
}
