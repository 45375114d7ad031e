import { TIMER_MAX_MS } from './limits.ts';

/** The passing of time. A test or a simulation brings its own. */
export interface Clock {
  /** Milliseconds that only ever grow, since whenever. */
  now(): number;
  /** Resolves after so many milliseconds. Rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

/** Leaves neither a timer nor a listener behind, however a sleep ends. */
export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(
        () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
        Math.min(ms, TIMER_MAX_MS),
      );
      signal?.addEventListener('abort', stop, { once: true });
    }),
};
