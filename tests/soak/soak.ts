import { setTimeout as sleep } from 'node:timers/promises';
import { describeFaults, recount, type Violation } from '@flashclaim/audit';
import { handlerTimeoutMs } from '@flashclaim/core';
import { Random } from '../simulation/random.ts';
import { until } from '../support/until.ts';
import { FAMILIES, FAULT_NAMES, FAULTS, type Fault, type FaultName } from './faults.ts';
import { type Sample, takeSample } from './gauges.ts';
import { type Judged, judgeLeaks } from './judge-leaks.ts';
import { SoakLoad } from './load.ts';
import { isWhole, type Seat, type Stack, startStack, WAIT_MS } from './stack.ts';

/** The promise of I9, held here in every lane. */
const RECOVERY_MAX_MS = 10_000;

/** For so long the coupons of one generation are claimed. What follows, until they are forgotten, takes some seconds more. */
const GENERATION_MS = 45_000;

/** Between two faults everything is whole, under load. */
const CALM_MIN_MS = 500;
const CALM_MAX_MS = 4_000;

/** How often two things break at once. */
const TWO_AT_ONCE = 0.25;

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

export interface Recovery {
  what: string;
  /** From its end to the first claim that was decided after it, and until every lane had decided one. */
  firstMs: number;
  allMs: number;
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
  readonly #random: Random;
  readonly #told = new Map<string, number>();
  readonly #recoveries: Recovery[] = [];
  readonly #violations: Violation[] = [];
  readonly #histories: string[] = [];
  readonly #samples: Sample[] = [];
  #left: Promise<void>[] = [];

  constructor(stack: Stack, options: SoakOptions) {
    this.#stack = stack;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<SoakResult> {
    const { stop } = this.#options;
    const startedAt = performance.now();
    let generations = 0;
    const goesOn = () =>
      'afterMs' in stop ? performance.now() - startedAt < stop.afterMs : generations < stop.afterGenerations;
    try {
      do await this.#generation(++generations);
      while (goesOn());
    } catch (error) {
      // What was seen until then is told all the same.
      this.#violate('I9', (error as Error).message);
    }
    await this.#recount();
    return {
      ...{ generations, told: this.#told, recoveries: this.#recoveries },
      ...{ violations: this.#violations, histories: this.#histories, gauges: judgeLeaks(this.#samples) },
    };
  }

  async #generation(number: number): Promise<void> {
    const { onGeneration = () => {}, onProgress = () => {} } = this.#options;
    const load = new SoakLoad({
      ...{ name: `g${number}`, random: this.#random },
      urls: () => this.#stack.apis.map(({ url }) => url),
    });
    await load.start();
    let struck = 0;
    try {
      struck = await this.#breakThings(load);
    } finally {
      onProgress('waiting until everything is decided');
      await load.stop();
    }
    const found = await this.#check(load);
    onProgress('a quiet moment');
    await until(() => isWhole(this.#stack));
    this.#samples.push(await takeSample(this.#stack));
    for (const [what, count] of load.told) this.#told.set(what, (this.#told.get(what) ?? 0) + count);
    const claims = [...load.told.values()].reduce((sum, count) => sum + count, 0);
    onGeneration(`generation ${number}: ${claims} answers, ${struck} faults, ${found} violations`);
  }

  /** Resolves to how many faults there were. */
  async #breakThings(load: SoakLoad): Promise<number> {
    const { faults } = this.#options;
    const before = this.#recoveries.length;
    const endsAt = performance.now() + GENERATION_MS;
    const next = faults?.values() ?? this.#draw(endsAt);
    for (const names of next) {
      await sleep(this.#random.int(CALM_MIN_MS, CALM_MAX_MS));
      await this.#through(load, [names].flat());
    }
    await sleep(CALM_MIN_MS);
    return this.#recoveries.length - before;
  }

  *#draw(endsAt: number): Generator<FaultName[]> {
    while (performance.now() < endsAt) {
      const one = this.#random.pick(FAULT_NAMES);
      if (!this.#random.chance(TWO_AT_ONCE)) yield [one];
      else yield [one, this.#random.pick(FAULT_NAMES.filter((other) => FAMILIES[other] !== FAMILIES[one]))];
    }
  }

  /** Breaks something, mends it, and measures how long it takes until claims are decided again. */
  async #through(load: SoakLoad, names: readonly FaultName[]): Promise<void> {
    const what = names.toSorted().join(' + ');
    this.#options.onProgress?.(what);
    load.history.mark('broken', what);
    const mends: (() => Promise<unknown>)[] = [];
    let awayMs = 0;
    for (const name of names) {
      const { strike, awayMs: between, forgets }: Fault = FAULTS[name];
      const mend = await strike(this.#stack, this.#random);
      if (forgets) load.history.forgotten();
      // Who starts anew needs the stores.
      if (FAMILIES[name] === 'processes') mends.push(mend);
      else mends.unshift(mend);
      awayMs = Math.max(awayMs, this.#random.int(...between));
    }
    this.#seeOff(names.some((name) => FAMILIES[name] === 'Redis'));
    await sleep(awayMs);
    for (const mend of mends) await mend();
    load.history.mark('recovered', what);
    const took = await load.probe();
    const recovery = { what, firstMs: took[0] as number, allMs: took.at(-1) as number };
    this.#recoveries.push(recovery);
    if (recovery.allMs > RECOVERY_MAX_MS)
      this.#violate(
        'I9',
        `after ${what}, a lane decided nothing for ${Math.round(recovery.allMs)} ms; at most ${RECOVERY_MAX_MS} expected`,
      );
  }

  /** Who is told to stop leaves by itself, with 0; only a worker that Redis was away from may need the end of its grace. */
  #seeOff(redisWasAway: boolean): void {
    for (const { name, gone } of this.#stack.leaving.splice(0)) {
      const left = gone.then(({ code, signal }) => {
        if (code === 0 || (code === 1 && redisWasAway && name.startsWith('worker'))) return;
        this.#violate('I9', `${name} was told to stop, and ended with ${signal ?? `the code ${code}`}; 0 expected`);
      });
      this.#left.push(left);
    }
  }

  #violate(invariant: Violation['invariant'], found: string): void {
    this.#violations.push({ invariant, found, requests: [] });
  }

  /** Resolves to how many violations there were. */
  async #check({ history }: SoakLoad): Promise<number> {
    const { system, apis, workers } = this.#stack;
    const before = this.#violations.length;
    const alive = { ...system, urls: apis.map(({ metricsUrl }) => metricsUrl) };
    const answerMaxMs = handlerTimeoutMs(WAIT_MS) + STANDS_STILL_MAX_MS;
    const found = await history.check(alive, { answerMaxMs }).catch((error: Error) => [undecided(error)]);
    this.#violations.push(...found);
    if (found.length > 0) this.#histories.push(history.write());
    for (const seat of [...apis, ...workers]) await this.#checkAlive(seat);
    await Promise.all(this.#left.splice(0));
    return this.#violations.length - before;
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
}

const undecided = (error: Error): Violation => ({
  invariant: 'I7',
  found: `claims are undecided although nothing is broken any more: ${error.message}`,
  requests: [],
});
