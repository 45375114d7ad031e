/** A timer in the heap. */
export interface Timer {
  atMs: number;
  /** Timers of the same moment fire in this order. */
  order: number;
}

const isBefore = (one: Timer, other: Timer): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);

/** A binary heap of timers, the next one first: each step of a run removes one and adds some. */
export class TimerHeap<T extends Timer> {
  #timers: T[] = [];

  get first(): T | undefined {
    return this.#timers[0];
  }

  clear(): void {
    this.#timers = [];
  }

  add(timer: T): void {
    const timers = this.#timers;
    let at = timers.length;
    timers.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = timers[parent] as T;
      if (!isBefore(timer, above)) break;
      timers[at] = above;
      at = parent;
    }
    timers[at] = timer;
  }

  removeFirst(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (!last || timers.length === 0) return;
    let at = 0;
    for (let child = 1; child < timers.length; child = 2 * at + 1) {
      const right = timers[child + 1];
      if (right && isBefore(right, timers[child] as T)) child++;
      const below = timers[child] as T;
      if (!isBefore(below, last)) break;
      timers[at] = below;
      at = child;
    }
    timers[at] = last;
  }
}
