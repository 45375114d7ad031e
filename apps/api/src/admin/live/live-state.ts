/** What a live page is told, as JSON, in one frame. Times are in ms since the epoch, unless a name says otherwise. */
export interface LiveState {
  at: number;
  /** Whether this API runs test sales. */
  testSales: boolean;
  /** Live pages that are open at this API process. */
  pages: number;
  /** From MongoDB, so of all API processes together; as they were when MongoDB last answered. Undefined before that. */
  coupons: { at: number; shown: ShownCoupon[] } | undefined;
  comparison: Comparison | undefined;
  /** What BullMQ keeps in Redis, of all API processes together, but for `claimsHere`. Undefined while Redis is away. */
  lanes: ShownLane[] | undefined;
  /** Undefined while Redis is away, or where it does not tell. */
  workers: number | undefined;
  /** What this process answered. */
  answers: Answers;
  /** Whole seconds that the page may not know yet; it keeps them by their time. */
  seconds: Second[];
  alerts: Alert[];
}

export interface ShownCoupon {
  id: string;
  name: string;
  amount: number;
  remaining: number;
  claimsPerSecond: number;
  createdAt: number;
  /** The last claim, or the creation. */
  updatedAt: number;
}

/** Stock and claims of the shown coupons, read in one snapshot. */
export interface Comparison {
  at: number;
  compared: number;
  /** Coupons with more claims than are counted here. */
  tooLarge: number;
  wrong: { name: string; amount: number; remaining: number; claims: number }[];
}

export interface ShownLane {
  lane: number;
  /** Claims of this API process that are not decided. */
  claimsHere: number;
  waiting: number;
  active: number;
  delayed: number;
  failed: number;
  /** Age of the oldest job that is not finished; 0 where there is none. */
  oldestMs: number;
}

/** What callers were told: counted in this process while a live page is open. */
export const TOLD = ['claimed', 'already_claimed', 'out_of_stock', 'others'] as const;
export type ToldKind = (typeof TOLD)[number];

/** A second: its time in s since the epoch, counts in the order of `TOLD`, and the answer time in ms where there was any. */
export type Second = [
  time: number,
  claimed: number,
  alreadyClaimed: number,
  outOfStock: number,
  others: number,
  p50Ms: number | null,
  p99Ms: number | null,
];

export interface Answers {
  /** Since the first of the pages that are open now was opened. */
  since: number;
  total: Record<ToldKind, number>;
  /** Claims that are not decided yet. */
  waiting: number;
  /** Of the last seconds; undefined where nobody was answered. */
  p50Ms: number | undefined;
  p99Ms: number | undefined;
}

export interface Alert {
  code: 'redis_away' | 'mongo_away' | 'not_exact' | 'no_worker' | 'lane_stuck' | 'jobs_failed' | 'turned_away';
  /** An error stops the sale or breaks a promise. */
  level: 'error' | 'warning';
  text: string;
}
