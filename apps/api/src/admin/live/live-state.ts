import type { CouponState } from '@flashclaim/core';

/** The view model of a live page: one frame, as JSON. Times are in ms since the epoch, unless a name says otherwise. */
export interface LiveState {
  at: number;
  /** Whether this API runs test sales. */
  testSales: boolean;
  /** Live pages that are open at this API process. */
  pages: number;
  /** From MongoDB, so of all API processes, at the time of its last answer. Undefined before the first. */
  coupons: { at: number; shown: ShownCoupon[] } | undefined;
  sale: Sale | undefined;
  comparison: Comparison | undefined;
  /** From Redis, so of all API processes, but for `claimsHere`. Undefined while Redis is down. */
  lanes: ShownLane[] | undefined;
  /** Undefined while Redis is down, or where it does not list its clients. */
  workers: number | undefined;
  /** The answers of this process. */
  answers: Answers;
  /** The length of a step in ms. */
  stepMs: number;
  /** Steps that may be new to the page, which keeps them by their time. The last one is not over. */
  steps: Step[];
  alerts: Alert[];
}

export interface ShownCoupon {
  id: string;
  name: string;
  amount: number;
  remaining: number;
  /** Grants so far, also of units that were released since. */
  issued: number;
  claimsPerSecond: number;
  state: CouponState;
  version: number;
  paused: boolean;
  startsAt: number | undefined;
  endsAt: number | undefined;
  /** Only with state scheduled. */
  opensInMs: number | undefined;
  createdAt: number;
  /** The last grant, release or change of the settings; or the creation. */
  updatedAt: number;
}

/** The coupon at the top of the page: the one that sells, or else the one that sold last. */
export interface Sale {
  couponId: string;
  /** The units that were left, from the first grant to the last, as the times of the claims say. Empty without a grant. */
  points: [at: number, left: number][];
  /** The answers of this process about the coupon, since it has a live page; undefined without any. */
  answers: CouponAnswers | undefined;
}

export interface CouponAnswers {
  refused: number;
  p99Ms: number;
  /** When the last one was given. */
  lastAt: number;
}

/** Stock and live claims of the shown coupons, read in one snapshot. */
export interface Comparison {
  at: number;
  /** The ids of coupons whose stock and claims match. */
  matching: string[];
  /** The ids of coupons with too many claims to count here. */
  tooLarge: string[];
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

/** The kinds of answers, counted in this process while a live page is open. */
export const ANSWER_KINDS = [
  'claimed',
  'already_claimed',
  'out_of_stock',
  'sale_not_open',
  'claim_released',
  'others',
  'rejected',
] as const;
export type AnswerKind = (typeof ANSWER_KINDS)[number];

/** A step of time: when it began, counts in the order of `ANSWER_KINDS`, and answer times in ms, null without answers. */
export type Step = [
  at: number,
  claimed: number,
  alreadyClaimed: number,
  outOfStock: number,
  saleNotOpen: number,
  claimReleased: number,
  others: number,
  rejected: number,
  p50Ms: number | null,
  p99Ms: number | null,
];

export interface Answers {
  /** When the count began: as the first of the open pages was opened. */
  since: number;
  total: Record<AnswerKind, number>;
  /** Claims that are not decided yet. */
  waiting: number;
  /** Of the last seconds; undefined without answers. */
  p50Ms: number | undefined;
  p99Ms: number | undefined;
}

export interface Alert {
  code: 'redis_down' | 'mongo_down' | 'not_exact' | 'no_worker' | 'lane_stuck' | 'jobs_failed' | 'claims_rejected';
  /** An error stops the sale or breaks a guarantee. */
  level: 'error' | 'warning';
  text: string;
}
