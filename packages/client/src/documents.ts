import type { components } from './openapi.ts';

type Schemas = components['schemas'];

/** The documents that the API receives and sends, named as in its OpenAPI document. */
export type ClaimDocument = Schemas['ClaimRequest'];
export type ClaimStatus = Schemas['ClaimStatus'];
export type Coupon = Schemas['Coupon'];
export type NewCoupon = Schemas['NewCoupon'];
export type Problem = Schemas['Problem'];
export type ProblemCode = Problem['code'];

/** A claim that holds a unit. */
export type Claim = Required<Pick<ClaimStatus, 'claim_id' | 'user_id' | 'coupon_name' | 'claimed_at'>>;
