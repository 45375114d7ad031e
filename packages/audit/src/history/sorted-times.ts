/** Counts times by binary search. */
export class SortedTimes {
  readonly #sorted: Float64Array;

  constructor(times: readonly number[]) {
    this.#sorted = Float64Array.from(times).sort();
  }

  /** The number of times before this one. */
  before(time: number): number {
    return this.#count((other) => other < time);
  }

  /** The number of times before or at this one. */
  until(time: number): number {
    return this.#count((other) => other <= time);
  }

  /** @param isEarlier true for the first times of the order, false for the rest. */
  #count(isEarlier: (time: number) => boolean): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isEarlier(this.#sorted[middle] as number)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The smallest of these times; infinity if there is none. */
export const earliest = (times: readonly number[]): number =>
  times.reduce((first, time) => Math.min(first, time), Number.POSITIVE_INFINITY);
