import type { components } from './openapi.ts';

type Schemas = components['schemas'];

/** What the API takes and sends, as its OpenAPI document names it. */
export type ClaimDocument = Schemas['ClaimRequest'];
export type ClaimStatus = Schemas['ClaimStatus'];
export type Coupon = Schemas['Coupon'];
export type NewCoupon = Schemas['NewCoupon'];
export type Problem = Schemas['Problem'];
export type ProblemCode = Problem['code'];

/** A claim that holds a unit. */
export type Claim = Omit<Schemas['Claimed'], 'message'>;
