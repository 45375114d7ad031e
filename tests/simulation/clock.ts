import { type Timer, TimerHeap } from './timer-heap.ts';
import { type Machine, machineRunning, runOn } from './wall-clock.ts';

/** When each run begins, in ms since the epoch. */
export const START_MS = Date.UTC(2026, 0, 1);

/** Steps in one turn of the real event loop. Node ends whatever is due at once after each of them. */
const STEPS_PER_TURN = 100;

const RealDate = Date;
const { setImmediate: nextTurn } = globalThis;
const originals = {
  Date,
  ...{ setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate },
};

/** A timer as its maker sees it: as much of Node's own as the claim path and its libraries use. */
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
 * A clock that stands still while anything happens: a day takes no longer than what is done in it. `performance.now()` is the
 * true time since the run began; `Date` is what the machine believes whose code asks.
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
      ...{ clearTimeout: clear, clearInterval: clear, clearImmediate: clear },
      Date: this.#newDate(),
    });
    Object.defineProperty(performance, 'now', { configurable: true, value: () => this.#monotonicMs() });
  }

  /** Milliseconds since the beginning of the run. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Goes on from one timer to the next until it is done. */
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
          // Whatever is due at this moment happens first.
          if ((!next || next.atMs > this.#nowMs) && done()) end(resolve);
          else if (!next) end(() => reject(new Error('nothing is left to happen, and the run is not over')));
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

  /** Whatever was to come is gone. */
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
    return machine?.clocksConfused ? this.#nowMs + machine.clock.errorMs(this.#nowMs) : this.#nowMs;
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
