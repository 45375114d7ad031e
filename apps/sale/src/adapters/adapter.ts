import type { HttpAnswer } from '@flashclaim/load';

/** A request to the server under test. */
export interface ApiRequest {
  method: 'GET' | 'POST';
  path: string;
  /** Sent as JSON. */
  body?: object;
  headers?: Record<string, string>;
  /** Sent with ADMIN_TOKEN, where it is set. */
  isAdmin?: boolean;
}

/**
 * What an answer to a claim means. `pending`: accepted and not decided yet. `rejected`: nothing was or will be done.
 * `unknown`: the claim may have been decided. `failed`: an answer that a sale does not expect.
 */
export type Outcome =
  | 'claimed'
  | 'already_claimed'
  | 'out_of_stock'
  | 'sale_not_open'
  | 'coupon_not_found'
  | 'pending'
  | 'rejected'
  | 'unknown'
  | 'failed';

export interface ClaimAnswer {
  outcome: Outcome;
  /** Of a granted or pending claim. Without it, every grant counts as another unit. */
  claimId?: string | undefined;
  /** The number of the unit within the coupon, in the order of the grants. */
  sequence?: number | undefined;
  /** The code of an error as the server sent it, for the history. */
  code?: string | undefined;
  reason?: string | undefined;
  /** From an error of status 503: whether anything was or may be done. */
  done?: 'nothing' | 'unknown' | undefined;
  isReplayed?: boolean | undefined;
}

export interface CouponAnswer {
  amount?: number | undefined;
  remaining: number;
  claimed: number;
  /** Users who hold a unit; undefined where the server does not say. */
  users?: string[] | undefined;
  /** Leads to more users. */
  next?: ApiRequest | undefined;
}

/** How to talk to a server: one file for each API. Pure: the simulator sends the requests. */
export interface Adapter {
  create(coupon: { name: string; amount: number; startsAt?: string | undefined }): ApiRequest;
  /** The time from the creation to the begin of the sale, by the clock of the server, in ms. Without it there is no `noon`. */
  opensAfterMs?(created: HttpAnswer): number;
  /** `key` is the same in every retry of a claim. */
  claim(claim: { user: string; coupon: string; key?: string | undefined }): ApiRequest;
  readClaim(answer: HttpAnswer): ClaimAnswer;
  coupon(name: string): ApiRequest;
  /** Undefined where the answer is no coupon. */
  readCoupon(answer: HttpAnswer): CouponAnswer | undefined;
  /** Reads what `next` of a coupon leads to. */
  readMoreUsers?(answer: HttpAnswer): Pick<CouponAnswer, 'users' | 'next'>;
  /** Asks for a pending claim. */
  status?(claimId: string): ApiRequest;
  readStatus?(answer: HttpAnswer): ClaimAnswer;
}
