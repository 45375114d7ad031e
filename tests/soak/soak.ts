import { describeFaults, recount, type Violation } from '@flashclaim/audit';
import { handlerTimeoutMs } from '@flashclaim/core';
import { Random } from '../simulation/random.ts';
import { inSeconds } from '../support/recovery-table.ts';
import { until } from '../support/until.ts';
import { Breaker, type Recovery } from './break-things.ts';
import type { FaultName } from './faults.ts';
import { type Sample, takeSample } from './gauges.ts';
import { type Judged, judgeLeaks } from './judge-leaks.ts';
import { SoakLoad } from './load.ts';
import { isWhole, type Seat, type Stack, startStack, WAIT_MS } from './stack.ts';

/** For so long the coupons of one generation are claimed. What follows, until they are forgotten, takes some seconds more. */
const GENERATION_MS = 45_000;

/** A process that stands still for seconds answers nobody meanwhile. */
const STANDS_STILL_MAX_MS = 6_000;

export interface SoakOptions {
  seed: number;
  /** After a time no further generation begins. */
  stop: { afterMs: number } | { afterGenerations: number };
  /** These, one after the other in each generation, or several at once, instead of faults that are drawn. */
  faults?: readonly (FaultName | readonly FaultName[])[];
  /** The folder of the apps, where they are not to be the real ones. */
  apps?: string;
  /** Told of what is being done. */
  onProgress?: (what: string) => void;
  /** Told of what a generation showed. */
  onGeneration?: (line: string) => void;
}

export interface SoakResult {
  generations: number;
  told: ReadonlyMap<string, number>;
  recoveries: readonly Recovery[];
  violations: readonly Violation[];
  /** Where the histories of generations are that had any. */
  histories: readonly string[];
  gauges: readonly Judged[];
}

/** Breaks a whole system again and again while it is claimed from, and resolves to all that was seen. */
export const soak = async (options: SoakOptions): Promise<SoakResult> => {
  const stack = await startStack(options.apps);
  const run = new Soak(stack, options);
  try {
    const result = await run.run();
    await stack.close(result.violations.length > 0);
    return result;
  } catch (error) {
    await stack.close(true).catch(() => {});
    throw error;
  }
};

class Soak {
  readonly #stack: Stack;
  readonly #options: SoakOptions;
  readonly #breaker: Breaker;
  readonly #told = new Map<string, number>();
  readonly #violations: Violation[] = [];
  readonly #histories: string[] = [];
  readonly #samples: Sample[] = [];
  #generations = 0;

  constructor(stack: Stack, options: SoakOptions) {
    this.#stack = stack;
    this.#options = options;
    this.#breaker = new Breaker({
      ...{ stack, random: new Random(options.seed) },
      onFault: (what) => options.onProgress?.(what),
      violate: (found) => this.#violate('I9', found),
    });
  }

  async run(): Promise<SoakResult> {
    const startedAt = performance.now();
    try {
      do await this.#generation(++this.#generations);
      while (this.#goesOn(startedAt));
    } catch (error) {
      // What was seen until then is told all the same.
      this.#violate('I9', (error as Error).message);
    }
    await this.#recount();
    return {
      ...{ generations: this.#generations, told: this.#told, recoveries: this.#breaker.recoveries },
      ...{ violations: this.#violations, histories: this.#histories, gauges: judgeLeaks(this.#samples) },
    };
  }

  #goesOn(startedAt: number): boolean {
    const { stop } = this.#options;
    if ('afterGenerations' in stop) return this.#generations < stop.afterGenerations;
    return performance.now() - startedAt < stop.afterMs;
  }

  async #generation(number: number): Promise<void> {
    const { seed, faults, onGeneration = () => {}, onProgress = () => {} } = this.#options;
    const load = new SoakLoad({
      ...{ name: `g${number}`, random: new Random(seed + number) },
      urls: () => this.#stack.apis.map(({ url }) => url),
    });
    await load.start();
    const before = { faults: this.#breaker.recoveries.length, violations: this.#violations.length };
    try {
      await this.#breaker.breakThings(load, faults ?? GENERATION_MS);
    } finally {
      onProgress('waiting until everything is decided');
      await load.stop();
    }
    await this.#check(load);
    onProgress('a quiet moment');
    await until(() => isWhole(this.#stack));
    this.#samples.push(await takeSample(this.#stack));
    for (const [what, count] of load.told) this.#told.set(what, (this.#told.get(what) ?? 0) + count);
    const answers = [...load.told.values()].reduce((sum, count) => sum + count, 0);
    const recoveries = this.#breaker.recoveries.slice(before.faults);
    const found = this.#violations.length - before.violations;
    const longest = recoveries.reduce((one, other) => (other.allMs > one.allMs ? other : one));
    onGeneration(
      `generation ${number}: ${answers} answers, ${recoveries.length} faults, ${found} violations, ` +
        `longest recovery ${inSeconds(longest.allMs)} s after ${longest.what}`,
    );
  }

  async #check({ history }: SoakLoad): Promise<void> {
    const { system, apis, workers } = this.#stack;
    const alive = { ...system, urls: apis.map(({ metricsUrl }) => metricsUrl) };
    const answerMaxMs = handlerTimeoutMs(WAIT_MS) + STANDS_STILL_MAX_MS;
    const found = await history.check(alive, { answerMaxMs }).catch((error: Error) => [undecided(error)]);
    this.#violations.push(...found);
    if (found.length > 0) this.#histories.push(history.write());
    await this.#breaker.everybodyLeft();
    for (const seat of [...apis, ...workers]) await this.#checkAlive(seat);
  }

  async #checkAlive({ name, handle }: Seat): Promise<void> {
    const exit = await Promise.race([handle.exited, Promise.resolve(undefined)]);
    if (exit) this.#violate('I9', `${name} ended by itself: ${JSON.stringify(exit)}`);
  }

  /** Of all generations at once, by the database alone. */
  async #recount(): Promise<void> {
    const counted = await recount(this.#stack.stores.mongo);
    if (counted.faulty.length + counted.orphans.length > 0) this.#violate('I3', describeFaults(counted));
  }

  #violate(invariant: Violation['invariant'], found: string): void {
    this.#violations.push({ invariant, found, requests: [] });
  }
}

const undecided = (error: Error): Violation => ({
  invariant: 'I7',
  found: `claims are undecided although nothing is broken any more: ${error.message}`,
  requests: [],
});
