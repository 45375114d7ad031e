/** How callers arrive: all at once, ever more of them, or at random times of a constant mean. */
export type Arrival = 'burst' | 'ramp' | 'poisson';

export interface Scenario {
  /** What happens in it, for `--help`. */
  about: string;
  users: number;
  stock: number;
  connections: number;
  arrival: Arrival;
  /** Claims of each user at the same time. */
  attempts?: number;
  /** Reads of the coupon for each claim. */
  readsPerClaim?: number;
  /** The coupon opens this long after the sale begins; callers who come earlier come again then. */
  opensAfterMs?: number;
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'flash-sale': { about: '50 users for 5 units', users: 50, stock: 5, connections: 50, arrival: 'burst' },
  'double-dip': {
    ...{ about: 'one user claims 10 times at once', users: 1, stock: 5, connections: 10, arrival: 'burst' },
    attempts: 10,
  },
  stampede: { about: '10,000 users for 1,000 units', users: 10_000, stock: 1_000, connections: 500, arrival: 'burst' },
  mixed: {
    ...{ about: 'nine readers for each claimer', users: 1_000, stock: 100, connections: 100, arrival: 'poisson' },
    readsPerClaim: 9,
  },
  noon: {
    ...{ about: 'the sale opens after 2 s; who came early comes again', users: 2_000, stock: 500, connections: 200 },
    ...{ arrival: 'ramp', opensAfterMs: 2_000 },
  },
};

/** Without `--rate`, the callers arrive in about this time. */
const ARRIVE_WITHIN_MS = 5_000;

/**
 * When each of `count` callers is due, in ms after the begin and in order. `rate` is in callers a second: the mean, or with
 * `ramp` the rate at the end, which begins at 0.
 */
export const dueTimes = (count: number, arrival: Arrival, rate?: number): number[] => {
  if (arrival === 'burst') return Array.from({ length: count }, () => 0);
  if (arrival === 'ramp') {
    const lengthMs = rate === undefined ? ARRIVE_WITHIN_MS : (2_000 * count) / rate;
    return Array.from({ length: count }, (_, index) => lengthMs * Math.sqrt(index / count));
  }
  const meanMs = rate === undefined ? ARRIVE_WITHIN_MS / count : 1_000 / rate;
  let due = 0;
  return Array.from({ length: count }, () => {
    due -= Math.log(1 - Math.random()) * meanMs;
    return due;
  });
};
