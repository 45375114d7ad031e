/**
 * A typed client for Flashclaim: for the back end of a shop, or a page.
 *
 * Documents that the API sends are handed on as its OpenAPI document names them. An outcome is a value; what has none is
 * a FlashclaimError.
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
export type { ClaimOutcome, ClaimRequest, Rejection } from './read-claim.ts';
