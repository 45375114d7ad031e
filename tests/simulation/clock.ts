import FakeTimers from '@sinonjs/fake-timers';

const START_MS = Date.UTC(2026, 0, 1);
const { setImmediate } = globalThis;

/** Ends with everything that is due at once: promises and `process.nextTick` are the real ones. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A clock that stands still while anything happens: a day takes no longer than what is done in it. */
export class VirtualClock {
  readonly #clock = FakeTimers.install({
    now: START_MS,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'Date', 'performance'],
    loopLimit: 1_000_000,
  });

  /** Milliseconds since the beginning of the run. */
  get nowMs(): number {
    return this.#clock.now - START_MS;
  }

  /** Goes on from one timer to the next until it is done. */
  async runUntil(done: () => boolean): Promise<void> {
    await turn();
    while (!done()) {
      if (this.#clock.countTimers() === 0) throw new Error('nothing is left to happen, and the run is not over');
      this.#clock.next();
      await turn();
    }
  }

  /** Whatever was to come is gone. */
  reset(): void {
    this.#clock.reset();
  }

  uninstall(): void {
    this.#clock.uninstall();
  }
}
