import type { ClaimAnswer, CouponAnswer, Outcome } from './adapters/adapter.ts';

/** Times are ms of `performance.now()`. */
interface CallResult {
  /** When the call was due; its answer time counts from here. */
  due: number;
  sentAt: number;
  answeredAt: number;
  /** Missing where no answer came. */
  status?: number;
  /** Why no answer came. */
  error?: string;
}

export interface ClaimResult extends CallResult, ClaimAnswer {
  kind: 'claim';
  user: string;
  key?: string | undefined;
  /** Set by the status of a pending claim. */
  decided?: Outcome;
}

export interface ReadResult extends CallResult {
  kind: 'read';
  coupon?: CouponAnswer | undefined;
}

/** A read of the status of a pending claim. */
export interface StatusResult extends CallResult, ClaimAnswer {
  kind: 'status';
}

export type AnyResult = ClaimResult | ReadResult | StatusResult;

/** What became known of a claim in the end. */
export const finalOutcome = ({ outcome, decided }: ClaimResult): Outcome => decided ?? outcome;
