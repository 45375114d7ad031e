import { AsyncLocalStorage } from 'node:async_hooks';

/** What the machine of a process believes the time is: off by an offset, drifting, and set back and forth. */
export class WallClock {
  #offsetMs: number;
  /** Milliseconds it gains in each one that passes. */
  readonly #drift: number;

  constructor(offsetMs = 0, drift = 0) {
    this.#offsetMs = offsetMs;
    this.#drift = drift;
  }

  /** Somebody sets it. */
  step(byMs: number): void {
    this.#offsetMs += byMs;
  }

  /** How far it is off at a true time. */
  errorMs(trueMs: number): number {
    return Math.round(this.#offsetMs + trueMs * this.#drift);
  }
}

/** Whose code runs, and what time it believes it is. */
export interface Machine {
  clock: WallClock;
  /** The monotonic clock goes wrong as well: only where a planted bug takes one clock for the other. */
  clocksConfused?: boolean;
}

const running = new AsyncLocalStorage<Machine>();

export const machineRunning = (): Machine | undefined => running.getStore();

/** How each machine's code is entered: half the time of `running.run`, and every step of a run takes it. */
const entries = new WeakMap<Machine, <T>(code: () => T) => T>();

const entryOf = (machine: Machine): (<T>(code: () => T) => T) => {
  const entry = entries.get(machine) ?? running.run(machine, () => AsyncLocalStorage.snapshot());
  entries.set(machine, entry);
  return entry;
};

/** Runs code of a process: whatever it starts, timers and promises included, knows the time by the clock of its machine. */
export const runOn = <T>(machine: Machine, code: () => T): T => entryOf(machine)(code);
