import type { ReadCall, SettingsCall } from './record.ts';
import { earliest, SortedTimes } from './sorted-times.ts';

/** Which versions a coupon can have had, and when. Versions only grow. */
export class Versions {
  readonly #answered: SortedTimes;
  readonly #invoked: SortedTimes;
  /** At index n: the smallest possible version after the first n answers. */
  readonly #least: number[];
  /** At index n: the greatest possible version before the requests from the nth on. */
  readonly #greatest: number[];
  readonly #seen: readonly { version: number; answeredAt: number }[];

  /** @param final in the database; missing if there is no such coupon. */
  constructor(final: number | undefined, calls: readonly (ReadCall | SettingsCall)[]) {
    const seen = calls.flatMap(({ status, version, invokedAt, answeredAt = Number.POSITIVE_INFINITY }) =>
      status === 200 && version !== undefined ? [{ version, invokedAt, answeredAt }] : [],
    );
    this.#seen = seen;
    this.#answered = new SortedTimes(seen.map(({ answeredAt }) => answeredAt));
    this.#invoked = new SortedTimes(seen.map(({ invokedAt }) => invokedAt));
    this.#least = [1];
    for (const { version } of seen.toSorted((a, b) => a.answeredAt - b.answeredAt))
      this.#least.push(Math.max(this.#least.at(-1) as number, version));
    this.#greatest = [final ?? Number.POSITIVE_INFINITY];
    for (const { version } of seen.toSorted((a, b) => b.invokedAt - a.invokedAt))
      this.#greatest.push(Math.min(this.#greatest.at(-1) as number, version));
    this.#greatest.reverse();
  }

  /** The smallest version that the coupon can have had at this time. */
  least(at: number): number {
    return this.#least[this.#answered.before(at)] as number;
  }

  /** The greatest version that the coupon can have had at this time. */
  greatest(at: number): number {
    return this.#greatest[this.#invoked.until(at)] as number;
  }

  /** When an answer first had this version or a later one. */
  seenAt(version: number): number {
    return earliest(this.#seen.filter((one) => one.version >= version).map(({ answeredAt }) => answeredAt));
  }
}
