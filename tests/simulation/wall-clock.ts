import { AsyncLocalStorage } from 'node:async_hooks';

/** The wall clock of a machine: it has an offset and a drift, and can be set. */
export class WallClock {
  #offsetMs: number;
  /** Drift in ms per ms. */
  readonly #drift: number;

  constructor(offsetMs = 0, drift = 0) {
    this.#offsetMs = offsetMs;
    this.#drift = drift;
  }

  /** Sets the clock by this many ms. */
  step(byMs: number): void {
    this.#offsetMs += byMs;
  }

  /** Its error at a true time. */
  errorMs(trueMs: number): number {
    return Math.round(this.#offsetMs + trueMs * this.#drift);
  }
}

/** The machine whose code runs, with its clock. */
export interface Machine {
  clock: WallClock;
  /** The monotonic clock has the same error: only with the mutation that confuses the clocks. */
  usesWallClockForIntervals?: boolean;
}

const running = new AsyncLocalStorage<Machine>();

export const machineRunning = (): Machine | undefined => running.getStore();

/** Entry functions for the code of each machine. They take half the time of `running.run`, and every step uses one. */
const entries = new WeakMap<Machine, <T>(code: () => T) => T>();

const entryOf = (machine: Machine): (<T>(code: () => T) => T) => {
  const entry = entries.get(machine) ?? running.run(machine, () => AsyncLocalStorage.snapshot());
  entries.set(machine, entry);
  return entry;
};

/** Runs code on a machine: the code and all its timers and promises use the clock of that machine. */
export const runOn = <T>(machine: Machine, code: () => T): T => entryOf(machine)(code);
