import type { Clock } from '@flashclaim/client';

/** A clock whose time advances only by sleeps, which take no real time. */
export class TestClock implements Clock {
  /** The length of each sleep, in ms. */
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
