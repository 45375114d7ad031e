import type { ProblemCode } from './problem.ts';

/** What a caller should do about each error. Names of fields and headers are in backticks. */
export const PROBLEM_ACTIONS: Record<ProblemCode, string> = {
  invalid_request: 'Correct what `errors` lists. Nothing was queued.',
  idempotency_key_reused: 'Use a new key for a new claim.',
  coupon_not_found: 'Check the name: case counts.',
  already_claimed: 'Nothing: a user gets one unit.',
  out_of_stock: 'Nothing, unless the coupon is restocked.',
  claim_released: 'Send a new claim, with a new key.',
  sale_not_open: 'Claim while the coupon is open: `reason` says why it is not.',
  claim_pending: 'Retry after `Retry-After` seconds.',
  amount_below_claimed: 'Choose a larger amount, or release claims first.',
  version_conflict: 'Read the coupon, and decide again.',
  name_taken: 'Choose another name.',
  not_found: 'Check the address or the claim id.',
  method_not_allowed: 'Use a method of `Allow`.',
  unauthorized: 'Send `Authorization` as `detail` says.',
  user_mismatch: 'Leave `user_id` out.',
  host_not_allowed: 'Call `localhost` or an IP address, or set `ADMIN_TOKEN`.',
  request_timeout: 'Send it again, at once.',
  payload_too_large: 'Send a shorter body.',
  unsupported_media_type: 'Send `Content-Type: application/json`, in UTF-8 and not compressed.',
  rate_limited: 'Wait for `Retry-After` seconds.',
  headers_too_large: 'Send fewer or shorter headers, or a shorter address.',
  overloaded: 'Retry after `Retry-After` seconds. Nothing of this claim is or will be done.',
  unavailable:
    'Retry after `Retry-After` seconds, with the same `Idempotency-Key` or as the same user. With `done: unknown`, `claim_id` names the claim that may be granted.',
  internal_error: 'Report `request_id`.',
};
