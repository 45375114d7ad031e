import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimCall } from '@flashclaim/audit';
import { expect, type TestContext } from 'vitest';
import { HistoryRecorder } from './history.ts';
import type { Recovery } from './recovery-table.ts';
import type { System } from './system.ts';
import { until } from './until.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** From the end of each fault of a test to the first claim that was decided after it, in ms. */
    recoveries?: Recovery[];
  }
}

/** For the table that `npm run test:faults` writes. */
export const noteRecovery = ({ meta }: TestContext['task'], what: string, ms: number): void => {
  meta.recoveries ??= [];
  meta.recoveries.push({ what, ms });
};

const CALLERS = 16;
const UNITS = 100_000;

/** Callers think, and those who were turned away wait before they ask again: some hundred claims a second in all. */
const PAUSE_MS = 20;

export interface FaultLoadOptions {
  system: System;
  /** The coupon, which nobody else claims; it begins the keys, and so has no blanks. */
  coupon: string;
  test: TestContext['task'];
  /** Claims that one API process has not answered in this time are a violation. */
  answerMaxMs?: number;
}

/**
 * Callers who claim one coupon, each time as another user with a key of its own, and ask again with the same key until they
 * are told what became of it. Everything they are told is recorded.
 */
export class FaultLoad {
  readonly history = new HistoryRecorder();
  /** When each claim was decided, in order. */
  readonly #decidedAt: number[] = [];
  readonly #told: ClaimCall[] = [];
  /** Calls whose claims had to be asked for again. */
  readonly undecided: ClaimCall[] = [];
  readonly #options: FaultLoadOptions;
  #callers: Promise<void>[] = [];
  #turn = 0;
  #stopped = false;

  constructor(options: FaultLoadOptions) {
    this.#options = options;
  }

  /** Creates the coupon, and resolves once the first claims are decided. */
  async start(): Promise<void> {
    const { system, coupon } = this.#options;
    await this.history.create(system.urls[0] as string, coupon, UNITS);
    this.#callers = Array.from({ length: CALLERS }, (_, caller) => this.#call(caller));
    await this.decides(CALLERS);
    expect(this.#told.map(({ status }) => status)).not.toContain(400);
  }

  /** Claims that are decided by now. */
  get decided(): number {
    return this.#decidedAt.length;
  }

  /** Resolves once so many more claims are decided. */
  decides(claims: number): Promise<void> {
    const target = this.#decidedAt.length + claims;
    return until(async () => this.#decidedAt.length >= target);
  }

  /** A moment at which nobody can say how far the claims under way are. Resolves to its name. */
  async randomMoment(): Promise<string> {
    await this.decides(CALLERS);
    const ms = Math.floor(Math.random() * 30);
    await sleep(ms);
    return `${ms} ms after an answer`;
  }

  /** Breaks something and mends it. Resolves to how long it took from then until claims were decided again, in ms. */
  async through(what: string, strike: () => Promise<unknown>, mend: () => Promise<unknown>): Promise<number> {
    this.history.mark('broken', what);
    await strike();
    await mend();
    this.history.mark('recovered', what);
    const mendedAt = performance.now();
    await this.decides(1);
    const ms = (this.#decidedAt.find((at) => at > mendedAt) as number) - mendedAt;
    noteRecovery(this.#options.test, what, ms);
    return ms;
  }

  /** Ends the load once every claim of it is decided, and checks all that was told. Each caller holds one unit then. */
  async expectTruthful(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
    const { system, coupon, answerMaxMs } = this.#options;
    await this.history.expectTruthful(system, answerMaxMs === undefined ? {} : { answerMaxMs });
    expect(this.#told.filter(({ status }) => status !== 200)).toEqual([]);
    // An API may learn later than the workers that MongoDB is there.
    const read = await this.history.readAgain(system.urls.at(-1) as string, coupon);
    expect(read).toMatchObject({ status: 200 });
    expect(read.claimed).toBeGreaterThanOrEqual(this.#told.length);
  }

  async #call(caller: number): Promise<void> {
    const { system, coupon } = this.#options;
    while (!this.#stopped) {
      const user = `user-${++this.#turn}`;
      for (let tries = caller; ; tries++) {
        // The next process with each try, as behind a load balancer.
        const url = system.urls[tries % system.urls.length] as string;
        const call = await this.history.claim(url, coupon, user, { key: `${coupon}/${user}` });
        if (isDecided(call)) {
          this.#decidedAt.push(performance.now());
          this.#told.push(call);
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
