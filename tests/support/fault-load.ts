import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimCall } from '@flashclaim/audit';
import { expect, type TestContext } from 'vitest';
import { HistoryRecorder } from './history.ts';
import type { Recovery } from './recovery-table.ts';
import type { System } from './system.ts';
import { until } from './until.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** Time from the end of each fault of a test to the first decided claim, in ms. */
    recoveries?: Recovery[];
  }
}

/** Records a recovery for the table of `npm run test:faults`. */
export const recordRecovery = ({ meta }: TestContext['task'], what: string, ms: number): void => {
  meta.recoveries ??= [];
  meta.recoveries.push({ what, ms });
};

const CALLERS = 16;
const UNITS = 100_000;

/** Pause of a caller after each answer. Together they send some hundred claims a second. */
const PAUSE_MS = 20;

export interface FaultLoadOptions {
  system: System;
  /** The coupon, which only this load claims. The keys begin with it, so it has no blanks. */
  coupon: string;
  test: TestContext['task'];
  /** A claim without an answer from an API process in this time is a violation. */
  answerMaxMs?: number;
}

/**
 * Callers that claim one coupon, each time as another user with a new key, and retry with the same key until the claim is
 * decided. Records every answer.
 */
export class FaultLoad {
  readonly history = new HistoryRecorder();
  /** The times of the decisions, in order. */
  readonly #decidedAt: number[] = [];
  readonly decidedCalls: ClaimCall[] = [];
  /** Calls that had to be retried. */
  readonly undecided: ClaimCall[] = [];
  readonly #options: FaultLoadOptions;
  #callers: Promise<void>[] = [];
  #turn = 0;
  #stopped = false;

  constructor(options: FaultLoadOptions) {
    this.#options = options;
  }

  /** Creates the coupon and starts the callers. Resolves once the first claims are decided. */
  async start(): Promise<void> {
    const { system, coupon } = this.#options;
    await this.history.create(system.urls[0] as string, coupon, UNITS);
    this.#callers = Array.from({ length: CALLERS }, (_, caller) => this.#call(caller));
    await this.decides(CALLERS);
    expect(this.decidedCalls.map(({ status }) => status)).not.toContain(400);
  }

  /** The number of decided claims. */
  get decided(): number {
    return this.#decidedAt.length;
  }

  /** Resolves once this number of further claims are decided. */
  decides(claims: number): Promise<void> {
    const target = this.#decidedAt.length + claims;
    return until(async () => this.#decidedAt.length >= target);
  }

  /** Waits for a random moment, so that the claims in flight are at a random step. Resolves to its description. */
  async randomMoment(): Promise<string> {
    await this.decides(CALLERS);
    const ms = Math.floor(Math.random() * 30);
    await sleep(ms);
    return `${ms} ms after an answer`;
  }

  /** Injects a fault and heals it. Resolves to the time from then to the next decided claim, in ms. */
  async through(what: string, inject: () => Promise<unknown>, heal: () => Promise<unknown>): Promise<number> {
    this.history.mark('broken', what);
    await inject();
    await heal();
    this.history.mark('recovered', what);
    const healedAt = performance.now();
    await this.decides(1);
    const ms = (this.#decidedAt.find((at) => at > healedAt) as number) - healedAt;
    recordRecovery(this.#options.test, what, ms);
    return ms;
  }

  /** Stops the load once every claim is decided, and checks every answer. Each user then has one unit. */
  async expectConsistent(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
    const { system, coupon, answerMaxMs } = this.#options;
    await this.history.expectConsistent(system, answerMaxMs === undefined ? {} : { answerMaxMs });
    expect(this.decidedCalls.filter(({ status }) => status !== 200)).toEqual([]);
    // An API may notice later than the workers that MongoDB is back.
    const read = await this.history.readAgain(system.urls.at(-1) as string, coupon);
    expect(read).toMatchObject({ status: 200 });
    expect(read.claimed).toBeGreaterThanOrEqual(this.decidedCalls.length);
  }

  async #call(caller: number): Promise<void> {
    const { system, coupon } = this.#options;
    while (!this.#stopped) {
      const user = `user-${++this.#turn}`;
      for (let attempt = caller; ; attempt++) {
        // Each attempt goes to the next process, as behind a load balancer.
        const url = system.urls[attempt % system.urls.length] as string;
        const call = await this.history.claim(url, coupon, user, { key: `${coupon}/${user}` });
        if (isDecided(call)) {
          this.#decidedAt.push(performance.now());
          this.decidedCalls.push(call);
          break;
        }
        this.undecided.push(call);
        await sleep(PAUSE_MS);
      }
      await sleep(PAUSE_MS);
    }
  }
}

const isDecided = ({ status = 503 }: ClaimCall): boolean => status < 500 && status !== 202;
