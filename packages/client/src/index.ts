/**
 * A typed client for Flashclaim: for the back end of a shop, or a page.
 *
 * The client returns documents of the API unchanged, with the field names of its OpenAPI document. An outcome is a value;
 * a call without an outcome throws a FlashclaimError.
 */
export type { ClaimOptions } from './claim.ts';
export {
  type CallOptions,
  type Client,
  type Created,
  createClient,
  type Health,
  type ListedStatus,
  type Updated,
} from './client.ts';
export type { ClientOptions } from './client-options.ts';
export { type Clock, systemClock } from './clock.ts';
export type {
  Claim,
  ClaimStatus,
  ClosedReason,
  Coupon,
  CouponChanges,
  NewCoupon,
  Page,
  ReleasedClaim,
} from './documents.ts';
export { ClaimError, type FaultCode, FlashclaimError } from './errors.ts';
export type { List, ListOptions } from './list.ts';
export type { ClaimOutcome, ClaimRequest, Refusal } from './read-claim.ts';
export type { ReleaseOutcome } from './release.ts';
export type { RetryOptions } from './retry-policy.ts';
export type { Credentials } from './send-request.ts';
