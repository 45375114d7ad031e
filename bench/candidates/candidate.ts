import type { Stack } from '../stack.ts';
import type { CouponStore } from './coupon-store.ts';

/** The parts of a system whose cost is measured. */
export const PARTS = ['api', 'worker', 'redis', 'mongod'] as const;
export type Part = (typeof PARTS)[number];

/** The processes of each part; empty if a candidate does not have that part. */
export type Processes = Record<Part, readonly number[]>;

export interface StartOptions {
  stack: Stack;
  workers?: number;
  /** Additional settings. */
  settings?: Record<string, string>;
}

/** Coupons that are inserted into the store before a run. */
export interface NewStock {
  names: readonly string[];
  amount: number;
  /** Units of each coupon that are already claimed. */
  claimed?: number;
}

/** A system under load. */
export interface Running {
  url: string;
  processes: Processes;
  addStock(stock: NewStock): Promise<void>;
  /** Resolves once no claim of the last load is in flight. */
  settle(): Promise<void>;
  /** The store for the recount of its claims; absent if a candidate promises nothing durable. */
  store?: CouponStore;
  /** Time after which a claim is answered 202; absent if a candidate never answers 202. */
  pendingAfterMs?: number;
  stop(): Promise<void>;
}

export interface Candidate {
  name: 'bare' | 'literal' | 'seckill' | 'flashclaim';
  /** One line of description. */
  what: string;
  start(options: StartOptions): Promise<Running>;
}
