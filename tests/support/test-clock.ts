import type { Clock } from '@flashclaim/client';

/** Time that passes only where somebody sleeps, and then at once. */
export class TestClock implements Clock {
  /** How long each sleep was, in ms. */
  readonly sleeps: number[] = [];
  #now = 0;

  now(): number {
    return this.#now;
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.#now += ms;
  }
}
