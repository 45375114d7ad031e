import type { Stack } from '../stack.ts';
import type { CouponStore } from './coupon-store.ts';

/** The parts of a system whose cost is measured. */
export const PARTS = ['api', 'worker', 'redis', 'mongod'] as const;
export type Part = (typeof PARTS)[number];

/** The processes of each part; a part that a candidate does not have is empty. */
export type Processes = Record<Part, readonly number[]>;

export interface StartOptions {
  stack: Stack;
  workers?: number;
  /** Settings on top of those that every run has. */
  settings?: Record<string, string>;
}

/** Coupons that are put straight into the store before a run. */
export interface NewStock {
  names: readonly string[];
  amount: number;
  /** Units of each that are claimed already. */
  claimed?: number;
}

/** A system under load. */
export interface Running {
  url: string;
  processes: Processes;
  addStock(stock: NewStock): Promise<void>;
  /** Resolves once nothing of the last load is under way any more. */
  settle(): Promise<void>;
  /** Where its claims can be recounted; absent where a candidate promises nothing durable. */
  store?: CouponStore;
  /** How long a claim may take before its caller is told 202; absent where no caller ever is. */
  pendingAfterMs?: number;
  stop(): Promise<void>;
}

export interface Candidate {
  name: 'bare' | 'literal' | 'seckill' | 'flashclaim';
  /** One line for the reader of the tables. */
  what: string;
  start(options: StartOptions): Promise<Running>;
}
