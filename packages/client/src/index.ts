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
  type ClientOptions,
  type Created,
  createClient,
  type Health,
} from './client.ts';
export { type Clock, systemClock } from './clock.ts';
export type { Claim, ClaimStatus, Coupon, NewCoupon } from './documents.ts';
export { ClaimError, type FaultCode, FlashclaimError } from './errors.ts';
export type { ClaimOutcome, ClaimRequest, Refusal } from './read-claim.ts';
export type { Credentials } from './send-request.ts';
