import { type Timer, TimerHeap } from './timer-heap.ts';
import { type Machine, machineRunning, runOn } from './wall-clock.ts';

/** Start of each run, in ms since the epoch. */
export const START_MS = Date.UTC(2026, 0, 1);

/** Steps in one turn of the real event loop. Node runs all due microtasks after each step. */
const STEPS_PER_TURN = 100;

const RealDate = Date;
const { setImmediate: nextTurn } = globalThis;
const originals = {
  Date,
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
};

/** The timer object that callers get, with the methods that the claim path and its libraries use. */
class VirtualTimer implements Timer {
  atMs: number;
  order: number;
  callback: (() => void) | undefined;
  readonly everyMs: number | undefined;
  readonly machine = machineRunning();

  constructor(atMs: number, order: number, callback: () => void, everyMs?: number) {
    this.atMs = atMs;
    this.order = order;
    this.callback = callback;
    this.everyMs = everyMs;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/**
 * Virtual time: it advances only from timer to timer, so waiting costs nothing. `performance.now()` is the true time since
 * the start of the run; `Date` is the wall clock of the machine whose code runs.
 */
export class VirtualClock {
  #nowMs = 0;
  #count = 0;
  readonly #timers = new TimerHeap<VirtualTimer>();

  constructor() {
    const clear = (timer: unknown) => {
      if (timer instanceof VirtualTimer) timer.callback = undefined;
    };
    Object.assign(globalThis, {
      setTimeout: (callback: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
        this.#add(delayMs, args.length > 0 ? () => callback(...args) : callback),
      setInterval: (callback: () => void, everyMs: number) => this.#add(everyMs, callback, everyMs),
      // Before the timers of the same moment, as Node does.
      setImmediate: (callback: (...args: unknown[]) => void, ...args: unknown[]) =>
        this.#add(-1, args.length > 0 ? () => callback(...args) : callback),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
      Date: this.#newDate(),
    });
    Object.defineProperty(performance, 'now', { configurable: true, value: () => this.#monotonicMs() });
  }

  /** Milliseconds since the start of the run. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Fires one timer after the other until `done` returns true. Rejects if no timer is left before that. */
  runUntil(done: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      const end = (how: () => void) => {
        over = true;
        how();
      };
      const step = () => {
        if (over) return;
        try {
          const next = this.#next();
          // First fire all timers of this moment.
          if ((!next || next.atMs > this.#nowMs) && done()) end(resolve);
          else if (!next) end(() => reject(new Error('no timer is left, and the run is not over')));
          else this.#fire(next);
        } catch (error) {
          end(() => reject(error));
        }
      };
      const turn = () => {
        for (let steps = 0; steps < STEPS_PER_TURN; steps++) nextTurn(step);
        nextTurn(() => {
          if (!over) turn();
        });
      };
      nextTurn(turn);
    });
  }

  /** Removes all timers and starts again at 0. */
  reset(): void {
    this.#timers.clear();
    this.#nowMs = 0;
    this.#count = 0;
  }

  uninstall(): void {
    Object.assign(globalThis, originals);
    Reflect.deleteProperty(performance, 'now');
  }

  #add(delayMs: number, callback: () => void, everyMs?: number): VirtualTimer {
    const isImmediate = delayMs < 0;
    const order = isImmediate ? ++this.#count - Number.MAX_SAFE_INTEGER : ++this.#count;
    const timer = new VirtualTimer(this.#nowMs + Math.max(0, Math.trunc(delayMs)), order, callback, everyMs);
    this.#timers.add(timer);
    return timer;
  }

  /** The next timer that was not cleared. */
  #next(): VirtualTimer | undefined {
    for (;;) {
      const { first } = this.#timers;
      if (!first || first.callback) return first;
      this.#timers.removeFirst();
    }
  }

  #fire(timer: VirtualTimer): void {
    const { callback, everyMs, machine } = timer;
    this.#timers.removeFirst();
    this.#nowMs = timer.atMs;
    if (everyMs !== undefined) {
      timer.atMs += Math.max(1, everyMs);
      timer.order = ++this.#count;
      this.#timers.add(timer);
    }
    if (!callback) return;
    if (machine) runOn(machine, callback);
    else callback();
  }

  #monotonicMs(): number {
    const machine = machineRunning();
    return machine?.usesWallClockForIntervals ? this.#nowMs + machine.clock.errorMs(this.#nowMs) : this.#nowMs;
  }

  #newDate(): DateConstructor {
    const wallMs = () => {
      const machine: Machine | undefined = machineRunning();
      return START_MS + this.#nowMs + (machine ? machine.clock.errorMs(this.#nowMs) : 0);
    };
    return class extends RealDate {
      static override now = wallMs;

      constructor(...args: number[]) {
        super(...((args.length === 0 ? [wallMs()] : args) as [number]));
      }
    } as DateConstructor;
  }
}
