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
import { isComplete, type Slot, type Stack, startStack, WAIT_MS } from './stack.ts';

/** Time of the claims on one generation of coupons. The checks after that take some seconds more. */
const GENERATION_MS = 45_000;

/** Longest time for which a process is suspended and does not answer. */
const SUSPENDED_MAX_MS = 6_000;

export interface SoakOptions {
  seed: number;
  /** When no further generation begins. */
  stop: { afterMs: number } | { afterGenerations: number };
  /** Faults for each generation, one after the other or several at once; random faults by default. */
  faults?: readonly (FaultName | readonly FaultName[])[];
  /** The folder of the apps; by default the real ones. */
  apps?: string;
  /** Called with the current step. */
  onProgress?: (what: string) => void;
  /** Called with the result of each generation. */
  onGeneration?: (line: string) => void;
}

export interface SoakResult {
  generations: number;
  answers: ReadonlyMap<string, number>;
  recoveries: readonly Recovery[];
  violations: readonly Violation[];
  /** Files with the histories of generations that had violations. */
  histories: readonly string[];
  gauges: readonly Judged[];
}

/** Injects faults into a complete system under load, and resolves to everything that was found. */
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
  readonly #answers = new Map<string, number>();
  readonly #violations: Violation[] = [];
  readonly #histories: string[] = [];
  readonly #samples: Sample[] = [];
  #generations = 0;

  constructor(stack: Stack, options: SoakOptions) {
    this.#stack = stack;
    this.#options = options;
    this.#breaker = new Breaker({
      stack,
      random: new Random(options.seed),
      onFault: (what) => options.onProgress?.(what),
      violate: (found) => this.#violate('I9', found),
    });
  }

  async run(): Promise<SoakResult> {
    const startedAt = performance.now();
    try {
      do await this.#generation(++this.#generations);
      while (this.#continues(startedAt));
    } catch (error) {
      // Report what was found until then.
      this.#violate('I9', (error as Error).message);
    }
    await this.#recount();
    return {
      generations: this.#generations,
      answers: this.#answers,
      recoveries: this.#breaker.recoveries,
      violations: this.#violations,
      histories: this.#histories,
      gauges: judgeLeaks(this.#samples),
    };
  }

  #continues(startedAt: number): boolean {
    const { stop } = this.#options;
    if ('afterGenerations' in stop) return this.#generations < stop.afterGenerations;
    return performance.now() - startedAt < stop.afterMs;
  }

  async #generation(number: number): Promise<void> {
    const { seed, faults, onGeneration = () => {}, onProgress = () => {} } = this.#options;
    const load = new SoakLoad({
      name: `g${number}`,
      random: new Random(seed + number),
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
    onProgress('measuring');
    await until(() => isComplete(this.#stack));
    this.#samples.push(await takeSample(this.#stack));
    for (const [what, count] of load.answers) this.#answers.set(what, (this.#answers.get(what) ?? 0) + count);
    const answers = [...load.answers.values()].reduce((sum, count) => sum + count, 0);
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
    const answerMaxMs = handlerTimeoutMs(WAIT_MS) + SUSPENDED_MAX_MS;
    const found = await history.check(alive, { answerMaxMs }).catch((error: Error) => [undecided(error)]);
    this.#violations.push(...found);
    if (found.length > 0) this.#histories.push(history.write());
    await this.#breaker.stoppedProcesses();
    for (const slot of [...apis, ...workers]) await this.#checkRunning(slot);
  }

  async #checkRunning({ name, handle }: Slot): Promise<void> {
    const exit = await Promise.race([handle.exited, Promise.resolve(undefined)]);
    if (exit) this.#violate('I9', `${name} ended unexpectedly: ${JSON.stringify(exit)}`);
  }

  /** Recounts the coupons of all generations in the database. */
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
  found: `claims are undecided although there are no faults any more: ${error.message}`,
  requests: [],
});
