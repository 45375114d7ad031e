import type { components } from './openapi.ts';

type Schemas = components['schemas'];

/** The documents that the API receives and sends, named as in its OpenAPI document. */
export type ClaimDocument = Schemas['ClaimRequest'];
export type ClaimStatus = Schemas['ClaimStatus'];
export type Coupon = Schemas['Coupon'] & CouponSettings;
export type NewCoupon = Schemas['NewCoupon'] & Partial<Window>;
export type Problem = Schemas['Problem'];
export type ProblemCode = Problem['code'];

/** Why a coupon accepts no claims. */
export type ClosedReason = NonNullable<Problem['reason']>;

/** A claim that holds a unit. */
export type Claim = Required<Pick<ClaimStatus, 'claim_id' | 'user_id' | 'coupon_name' | 'sequence' | 'claimed_at'>>;

/** A claim that returned its unit. */
export type ReleasedClaim = Claim & Required<Pick<ClaimStatus, 'ended_at'>>;

/** When a coupon accepts claims. Times are in RFC 3339 with an offset. */
interface Window {
  /** Claims are accepted from this time on. */
  starts_at: string;
  /** Claims are accepted before this time. */
  ends_at: string;
  /** While true, new claims are refused. */
  paused: boolean;
}

/** The part of a coupon that decides whether it accepts claims. */
interface CouponSettings extends Partial<Window> {
  /** Every change of the settings adds 1. */
  version: number;
  /** At the time of the read. */
  state: 'scheduled' | 'open' | 'paused' | 'sold_out' | 'ended';
}

/** Changes of a coupon. What is absent stays as it is. */
export interface CouponChanges {
  /** The new total of units, not less than are claimed. */
  amount?: number | undefined;
  /** null: claims are accepted since ever. */
  starts_at?: string | null | undefined;
  /** null: claims are accepted for ever. */
  ends_at?: string | null | undefined;
  paused?: boolean | undefined;
  /** Changes nothing if the coupon has another version: somebody else changed it after you read it. */
  version?: number | undefined;
}

/** A part of a list. */
export interface Page<T> {
  data: T[];
  /** The cursor of the next page: pass it as `after`. Absent or null on the last page. */
  next?: string | null;
}
