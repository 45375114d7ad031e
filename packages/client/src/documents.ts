import type { components } from './openapi.ts';

type Schemas = components['schemas'];

/** The documents that the API receives and sends, named as in its OpenAPI document. */
export type ClaimDocument = Schemas['ClaimRequest'];
export type ClaimStatus = Schemas['ClaimStatus'];
export type Coupon = Schemas['Coupon'];
export type NewCoupon = Schemas['NewCoupon'];
export type Problem = Schemas['Problem'];
export type ProblemCode = Problem['code'];

/** Why a coupon accepts no claims. */
export type ClosedReason = NonNullable<Problem['reason']>;

/** A claim that holds a unit. */
export type Claim = Required<Pick<ClaimStatus, 'claim_id' | 'user_id' | 'coupon_name' | 'sequence' | 'claimed_at'>>;

/** A claim that returned its unit. */
export type ReleasedClaim = Claim & Required<Pick<ClaimStatus, 'ended_at'>>;

/** Changes of a coupon. What is absent or undefined stays as it is. */
export type CouponChanges = {
  [Setting in keyof Schemas['CouponChange']]: Schemas['CouponChange'][Setting] | undefined;
};

/** A part of a list. */
export interface Page<T> {
  data: T[];
  /** The cursor of the next page: pass it as `after`. Absent or null on the last page. */
  next?: string | null;
}
