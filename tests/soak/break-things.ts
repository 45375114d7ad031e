import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../simulation/random.ts';
import { FAMILIES, FAULT_NAMES, FAULTS, type Fault, type FaultName } from './faults.ts';
import type { SoakLoad } from './load.ts';
import type { Stack } from './stack.ts';

/** The promise of I9, held here in every lane. */
const RECOVERY_MAX_MS = 10_000;

/** Between two faults everything is whole, under load. */
const CALM_MIN_MS = 500;
const CALM_MAX_MS = 4_000;

/** How often two things break at once. */
const TWO_AT_ONCE = 0.25;

export interface Recovery {
  what: string;
  /** From its end to the first claim that was decided after it, and until every lane had decided one. */
  firstMs: number;
  allMs: number;
}

export interface BreakerOptions {
  stack: Stack;
  /** Its own: what callers draw meanwhile depends on the moment. */
  random: Random;
  onFault: (what: string) => void;
  /** Told of what took too long, or ended badly. */
  violate: (found: string) => void;
}

/** Breaks one thing after the other while callers claim, or two at once, and mends them. */
export class Breaker {
  readonly recoveries: Recovery[] = [];
  readonly #options: BreakerOptions;
  #left: Promise<void>[] = [];

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Faults that are drawn, until a time has gone by; or these, one after the other or several at once. */
  async breakThings(load: SoakLoad, faults: number | Iterable<FaultName | readonly FaultName[]>): Promise<void> {
    for (const names of typeof faults === 'number' ? this.#draw(performance.now() + faults) : faults) {
      await sleep(this.#options.random.int(CALM_MIN_MS, CALM_MAX_MS));
      await this.#through(load, [names].flat());
    }
    await sleep(CALM_MIN_MS);
  }

  /** Resolves once everybody is gone who was told to stop. */
  async everybodyLeft(): Promise<void> {
    await Promise.all(this.#left.splice(0));
  }

  *#draw(endsAt: number): Generator<FaultName[]> {
    const { random } = this.#options;
    while (performance.now() < endsAt) {
      const one = random.pick(FAULT_NAMES);
      if (!random.chance(TWO_AT_ONCE)) yield [one];
      else yield [one, random.pick(FAULT_NAMES.filter((other) => FAMILIES[other] !== FAMILIES[one]))];
    }
  }

  /** Measures how long it takes until claims are decided again. */
  async #through(load: SoakLoad, names: readonly FaultName[]): Promise<void> {
    const { stack, random, onFault, violate } = this.#options;
    const what = names.toSorted().join(' + ');
    onFault(what);
    load.history.mark('broken', what);
    const mends: (() => Promise<unknown>)[] = [];
    let awayMs = 0;
    for (const name of names) {
      const { strike, awayMs: between }: Fault = FAULTS[name];
      const mend = await strike(stack, random);
      // Who starts anew needs the stores.
      if (FAMILIES[name] === 'processes') mends.push(mend);
      else mends.unshift(mend);
      awayMs = Math.max(awayMs, random.int(...between));
    }
    this.#seeOff(names.some((name) => FAMILIES[name] === 'Redis'));
    await sleep(awayMs);
    for (const mend of mends) await mend();
    load.history.mark('recovered', what);
    const took = await load.probe();
    const recovery = { what, firstMs: took[0] as number, allMs: took.at(-1) as number };
    this.recoveries.push(recovery);
    const { allMs } = recovery;
    if (allMs > RECOVERY_MAX_MS)
      violate(`after ${what}, a lane decided nothing for ${Math.round(allMs)} ms; at most ${RECOVERY_MAX_MS} expected`);
  }

  /** Who is told to stop leaves by itself, with 0; only a worker that Redis was away from may need the end of its grace. */
  #seeOff(redisWasAway: boolean): void {
    for (const { name, gone } of this.#options.stack.leaving.splice(0)) {
      const left = gone.then(({ code, signal }) => {
        if (code === 0 || (code === 1 && redisWasAway && name.startsWith('worker'))) return;
        this.#options.violate(`${name} was told to stop, and ended with ${signal ?? `the code ${code}`}; 0 expected`);
      });
      this.#left.push(left);
    }
  }
}
