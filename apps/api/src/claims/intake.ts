import type { ProblemCode } from '@flashclaim/core';
import type { StoreWatch } from '../stores/store-watch.ts';
import type { LoopWatch } from './loop-watch.ts';

/** Why a claim is not taken: nothing of it was or will be done. */
export interface Refusal {
  code: Extract<ProblemCode, 'overloaded' | 'unavailable'>;
  detail: string;
}

const NOTHING_DONE = 'This request was not taken, and nothing of it will be. Try again shortly.';

export const OVERLOADED: Refusal = { code: 'overloaded', detail: NOTHING_DONE };

const away = ({ name }: StoreWatch): Refusal => ({
  code: 'unavailable',
  detail: `${name} does not answer. ${NOTHING_DONE}`,
});

export interface IntakeOptions {
  redis: StoreWatch;
  mongo: StoreWatch;
  loop: Pick<LoopWatch, 'slow'>;
  /** Claims that may be undecided in this process. */
  pendingMax: number;
}

/** Whether this process takes claims, whatever their coupon: asked for each request, before anything is done for it. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #redisAway: Refusal;
  readonly #mongoAway: Refusal;
  #pending = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#redisAway = away(options.redis);
    this.#mongoAway = away(options.mongo);
  }

  get refusal(): Refusal | undefined {
    const { redis, mongo, loop } = this.#options;
    if (redis.away) return this.#redisAway;
    if (mongo.away) return this.#mongoAway;
    return this.room <= 0 || loop.slow ? OVERLOADED : undefined;
  }

  /** Claims that can still be taken. */
  get room(): number {
    return this.#options.pendingMax - this.#pending;
  }

  taken(): void {
    this.#pending++;
  }

  settled(): void {
    this.#pending--;
  }
}
