import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../simulation/random.ts';
import { FAMILIES, FAULT_NAMES, FAULTS, type Fault, type FaultName } from './faults.ts';
import type { SoakLoad } from './load.ts';
import type { Stack } from './stack.ts';

/** I9, checked here for every lane. */
const RECOVERY_MAX_MS = 10_000;

/** Time without a fault between two faults, under load. */
const CALM_MIN_MS = 500;
const CALM_MAX_MS = 4_000;

/** Probability of two faults at once. */
const TWO_AT_ONCE = 0.25;

export interface Recovery {
  what: string;
  /** Time from the end of the fault to the first decided claim, and to one in every lane. */
  firstMs: number;
  allMs: number;
}

export interface BreakerOptions {
  stack: Stack;
  /** Separate from that of the callers, whose draws depend on the moment. */
  random: Random;
  onFault: (what: string) => void;
  /** Called when a recovery takes too long, or a process ends with an error. */
  violate: (found: string) => void;
}

/** Injects one fault after the other, or two at once, while callers claim, and heals them. */
export class Breaker {
  readonly recoveries: Recovery[] = [];
  readonly #options: BreakerOptions;
  #exits: Promise<void>[] = [];

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** Injects random faults for a time in ms, or these faults, one after the other or several at once. */
  async breakThings(load: SoakLoad, faults: number | Iterable<FaultName | readonly FaultName[]>): Promise<void> {
    for (const names of typeof faults === 'number' ? this.#draw(performance.now() + faults) : faults) {
      await sleep(this.#options.random.int(CALM_MIN_MS, CALM_MAX_MS));
      await this.#through(load, [names].flat());
    }
    await sleep(CALM_MIN_MS);
  }

  /** Resolves once all processes that were asked to stop have ended. */
  async stoppedProcesses(): Promise<void> {
    await Promise.all(this.#exits.splice(0));
  }

  *#draw(endsAt: number): Generator<FaultName[]> {
    const { random } = this.#options;
    while (performance.now() < endsAt) {
      const one = random.pick(FAULT_NAMES);
      if (!random.chance(TWO_AT_ONCE)) yield [one];
      else yield [one, random.pick(FAULT_NAMES.filter((other) => FAMILIES[other] !== FAMILIES[one]))];
    }
  }

  /** Injects faults, heals them, and measures the time until claims are decided again. */
  async #through(load: SoakLoad, names: readonly FaultName[]): Promise<void> {
    const { stack, random, onFault, violate } = this.#options;
    const what = names.toSorted().join(' + ');
    onFault(what);
    load.history.mark('broken', what);
    const heals: (() => Promise<unknown>)[] = [];
    let durationMs = 0;
    for (const name of names) {
      const { inject, durationMs: between, losesWrites }: Fault = FAULTS[name];
      const heal = await inject(stack, random);
      if (losesWrites) load.history.redisLosesWrites();
      // A process that starts needs the stores, so processes are healed last.
      if (FAMILIES[name] === 'processes') heals.push(heal);
      else heals.unshift(heal);
      durationMs = Math.max(durationMs, random.int(...between));
    }
    this.#watchExits(names.some((name) => FAMILIES[name] === 'Redis'));
    await sleep(durationMs);
    for (const heal of heals) await heal();
    load.history.mark('recovered', what);
    const took = await load.probe();
    const recovery = { what, firstMs: took[0] as number, allMs: took.at(-1) as number };
    this.recoveries.push(recovery);
    const { allMs } = recovery;
    if (allMs > RECOVERY_MAX_MS)
      violate(`after ${what}, a lane decided nothing for ${Math.round(allMs)} ms; at most ${RECOVERY_MAX_MS} expected`);
  }

  /** Checks that processes that were asked to stop end with 0. A worker without Redis may use its whole grace period. */
  #watchExits(redisWasDown: boolean): void {
    for (const { name, gone } of this.#options.stack.stopping.splice(0)) {
      const exit = gone.then(({ code, signal }) => {
        if (code === 0 || (code === 1 && redisWasDown && name.startsWith('worker'))) return;
        this.#options.violate(`${name} was asked to stop, and ended with ${signal ?? `the code ${code}`}; 0 expected`);
      });
      this.#exits.push(exit);
    }
  }
}
