import { type ClaimOptions, claim } from './claim.ts';
import { type ClientOptions, toTransport } from './client-options.ts';
import type { ClaimStatus, Coupon, CouponChanges, NewCoupon } from './documents.ts';
import type { FlashclaimError } from './errors.ts';
import { CALL_TIMEOUT_DEFAULT_MS } from './limits.ts';
import { List, type ListOptions } from './list.ts';
import { readDocument, readFault } from './read-answer.ts';
import type { ClaimOutcome, ClaimRequest } from './read-claim.ts';
import { type ReleaseOutcome, release } from './release.ts';
import type { RetryOptions } from './retry-policy.ts';
import { type Answer, type HttpRequest, sendRequest, type Transport } from './send-request.ts';

export interface CallOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export type Created = { outcome: 'created'; coupon: Coupon } | { outcome: 'name_taken' };

/** Outcomes of a change that changed nothing. */
const NOT_UPDATED = ['coupon_not_found', 'amount_below_claimed', 'version_conflict'] as const;
export type Updated = { outcome: 'updated'; coupon: Coupon } | { outcome: (typeof NOT_UPDATED)[number] };

export type Health = { status: 'ok' } | { status: 'unavailable'; detail: string };

/** The statuses of the claims that are in lists. */
export type ListedStatus = Extract<ClaimStatus['status'], 'claimed' | 'released'>;

/** Every call rejects with FlashclaimError if it has no outcome, and with the signal's reason if the signal aborts. */
export interface Client {
  /**
   * Claims a unit until the outcome is known. A failed attempt is retried with the same key, which can make only one
   * claim. So a retry is safe after a lost answer, and returns the outcome.
   * @throws ClaimError if there is no outcome; it says whether a unit may be claimed, and has the key to find out.
   */
  claim(request: ClaimRequest, options?: ClaimOptions): Promise<ClaimOutcome>;
  /** The status of a claim. Resolves to null if the API does not know the id, or no longer knows it. */
  claimStatus(claimId: string, options?: CallOptions): Promise<ClaimStatus | null>;
  /**
   * Releases a claim: its unit can be claimed again, also by the same user. Retried like a claim, because a claim returns its
   * unit once, however often it is released.
   */
  release(claimId: string, options?: RetryOptions): Promise<ReleaseOutcome>;
  /** Creates a coupon, without a retry. If the answer is lost, `coupon` shows whether the coupon exists. */
  createCoupon(request: NewCoupon, options?: CallOptions): Promise<Created>;
  /**
   * Changes the amount or the window of a coupon, or pauses it, without a retry. Once it resolves, no claim is granted under
   * the earlier settings.
   */
  updateCoupon(name: string, changes: CouponChanges, options?: CallOptions): Promise<Updated>;
  /** A coupon with its first `limit` users (1,000 by default and at most). Resolves to null if there is no such coupon. */
  coupon(name: string, options?: CallOptions & { limit?: number | undefined }): Promise<Coupon | null>;
  /** The coupons whose names begin with `q`, or all, in the order of their names. */
  coupons(options?: ListOptions & { q?: string | undefined }): List<Coupon>;
  /** The claims of a coupon in the order of their sequence numbers. Throws `coupon_not_found` while it is iterated. */
  claimsOf(couponName: string, options?: ListOptions & { status?: ListedStatus | undefined }): List<ClaimStatus>;
  /** The claims of a user: first those that hold a unit. */
  claimsOfUser(userId: string, options?: ListOptions): List<ClaimStatus>;
  /** Whether the API works and reaches its stores. */
  health(options?: CallOptions): Promise<Health>;
}

/** @throws TypeError if `baseUrl`, `headers` or `credentials` is not valid. */
export const createClient = (options: ClientOptions): Client => {
  const transport = toTransport(options);
  const get = (path: string, call: CallOptions = {}, headers: Record<string, string> = {}) =>
    send(transport, { method: 'GET', url: transport.baseUrl + path, headers }, call);
  const write = (method: 'POST' | 'PATCH', path: string, body: object, call: CallOptions = {}) =>
    send(transport, { method, url: transport.baseUrl + path, headers: transport.adminHeaders, body }, call);
  return {
    claim: (request, claimOptions = {}) => claim(transport, request, claimOptions),

    claimStatus: async (claimId, call) => {
      const answer = await get(`/api/claims/${encodeURIComponent(claimId)}`, call);
      return isProblem(answer, 'not_found') ? null : readDocument<ClaimStatus>(answer, [200], 'claim_id');
    },

    release: (claimId, retryOptions = {}) => release(transport, claimId, retryOptions),

    createCoupon: async ({ name, amount, starts_at, ends_at, paused }, call) => {
      const body = { name, amount, starts_at, ends_at, paused };
      const answer = await write('POST', '/api/coupons', body, call);
      if (isProblem(answer, 'name_taken')) return { outcome: 'name_taken' };
      return { outcome: 'created', coupon: readDocument<Coupon>(answer, [201], 'remaining_amount') };
    },

    updateCoupon: async (name, { amount, starts_at, ends_at, paused, version }, call) => {
      const body = { amount, starts_at, ends_at, paused, version };
      const answer = await write('PATCH', `/api/coupons/${encodeURIComponent(name)}`, body, call);
      const outcome = NOT_UPDATED.find((code) => isProblem(answer, code));
      if (outcome) return { outcome };
      return { outcome: 'updated', coupon: readDocument<Coupon>(answer, [200], 'remaining_amount') };
    },

    coupon: async (name, { limit, ...call } = {}) => {
      const query = limit === undefined ? '' : `?limit=${limit}`;
      const path = `/api/coupons/${encodeURIComponent(name)}${query}`;
      const answer = await get(path, call, transport.adminHeaders);
      return isProblem(answer, 'coupon_not_found') ? null : readDocument<Coupon>(answer, [200], 'remaining_amount');
    },

    coupons: ({ q, ...options } = {}) => new List(transport, '/api/coupons', { q }, options),

    claimsOf: (couponName, { status, ...options } = {}) =>
      new List(transport, `/api/coupons/${encodeURIComponent(couponName)}/claims`, { status }, options),

    claimsOfUser: (userId, options = {}) =>
      new List(transport, `/api/users/${encodeURIComponent(userId)}/claims`, {}, options),

    health: async (call) => {
      const answer = await get('/health', call);
      if (isProblem(answer, 'unavailable')) return { status: 'unavailable', detail: readFault(answer).message };
      return { status: readDocument<{ status: 'ok' }>(answer, [200], 'status').status };
    },
  };
};

const send = (
  transport: Transport,
  request: HttpRequest,
  { signal, timeoutMs = CALL_TIMEOUT_DEFAULT_MS }: CallOptions,
) => sendRequest(transport, request, { signal, timeoutMs });

const isProblem = (answer: Answer, code: FlashclaimError['code']): boolean =>
  !answer.response.ok && readFault(answer).code === code;
