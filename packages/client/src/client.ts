import { type Answer, ask, type Peer, type Question } from './ask.ts';
import { type ClaimOptions, claim } from './claim.ts';
import { type Clock, systemClock } from './clock.ts';
import type { ClaimStatus, Coupon, NewCoupon } from './documents.ts';
import type { FlashclaimError } from './errors.ts';
import { ATTEMPT_TIMEOUT_DEFAULT_MS, CALL_TIMEOUT_DEFAULT_MS } from './limits.ts';
import { readDocument, readFault } from './read-answer.ts';
import type { ClaimOutcome, ClaimRequest } from './read-claim.ts';

export interface ClientOptions {
  /** Where the API is: what stands before `/api`. */
  baseUrl: string | URL;
  /** The admin token, needed to create coupons where the API has one set. It is sent with nothing else. */
  token?: string | undefined;
  /** By default the global one. */
  fetch?: typeof fetch | undefined;
  /** How long one request of a claim may take; longer than the API's `CLAIM_WAIT_MS`, which is 5 s by default. */
  attemptTimeoutMs?: number | undefined;
  clock?: Clock | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export type Created = { outcome: 'created'; coupon: Coupon } | { outcome: 'name_taken' };
export type Health = { status: 'ok' } | { status: 'unavailable'; detail: string };

/** Every call rejects with FlashclaimError where it has no outcome, and with the signal's reason where that aborts. */
export interface Client {
  /**
   * Claims a unit until the outcome is known. A failed attempt is tried again with the same key, which can only ever make
   * one claim; so an answer that got lost is asked for again.
   * @throws ClaimError where there is no outcome; it says whether a unit may be claimed, and the key to find out.
   */
  claim(request: ClaimRequest, options?: ClaimOptions): Promise<ClaimOutcome>;
  /** Where a claim stands. Resolves to null for an id that the API does not know, or no more. */
  claimStatus(claimId: string, options?: CallOptions): Promise<ClaimStatus | null>;
  /** Creates a coupon. One try: where the answer gets lost, `coupon` tells whether it is there. */
  createCoupon(request: NewCoupon, options?: CallOptions): Promise<Created>;
  /** A coupon, with its first `limit` users; 1,000 by default, and at most. Resolves to null where there is none. */
  coupon(name: string, options?: CallOptions & { limit?: number | undefined }): Promise<Coupon | null>;
  /** Whether the API and its stores are well. */
  health(options?: CallOptions): Promise<Health>;
}

/** @throws TypeError on a base URL that can be none. */
export const createClient = (options: ClientOptions): Client => {
  const peer = toPeer(options);
  const get = (path: string, call: CallOptions = {}) => send(peer, { method: 'GET', url: peer.baseUrl + path }, call);
  return {
    claim: (request, claimOptions = {}) => claim(peer, request, claimOptions),

    claimStatus: async (claimId, call) => {
      const answer = await get(`/api/claims/${encodeURIComponent(claimId)}`, call);
      return isProblem(answer, 'not_found') ? null : readDocument<ClaimStatus>(answer, [200], 'claim_id');
    },

    createCoupon: async ({ name, amount }, call = {}) => {
      const url = `${peer.baseUrl}/api/coupons`;
      const answer = await send(
        peer,
        { method: 'POST', url, headers: peer.adminHeaders, body: { name, amount } },
        call,
      );
      if (isProblem(answer, 'name_taken')) return { outcome: 'name_taken' };
      return { outcome: 'created', coupon: readDocument<Coupon>(answer, [201], 'remaining_amount') };
    },

    coupon: async (name, { limit, ...call } = {}) => {
      const query = limit === undefined ? '' : `?limit=${limit}`;
      const answer = await get(`/api/coupons/${encodeURIComponent(name)}${query}`, call);
      return isProblem(answer, 'coupon_not_found') ? null : readDocument<Coupon>(answer, [200], 'remaining_amount');
    },

    health: async (call) => {
      const answer = await get('/health', call);
      if (isProblem(answer, 'unavailable')) return { status: 'unavailable', detail: readFault(answer).message };
      return { status: readDocument<{ status: 'ok' }>(answer, [200], 'status').status };
    },
  };
};

const toPeer = (options: ClientOptions): Peer => {
  const {
    token,
    fetch = globalThis.fetch,
    attemptTimeoutMs = ATTEMPT_TIMEOUT_DEFAULT_MS,
    clock = systemClock,
  } = options;
  return {
    baseUrl: readBaseUrl(options.baseUrl),
    // Called as a function: a browser's fetch refuses to be a method of anything else.
    fetch: (input, init) => fetch(input, init),
    clock,
    attemptTimeoutMs,
    adminHeaders: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
};

const readBaseUrl = (given: string | URL): string => {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw new TypeError('baseUrl must be an address that begins with http:// or https://, without user and password.');
  return url.origin + url.pathname.replace(/\/+$/, '');
};

const send = (peer: Peer, question: Question, { signal, timeoutMs = CALL_TIMEOUT_DEFAULT_MS }: CallOptions) =>
  ask(peer, question, { signal, timeoutMs });

const isProblem = (answer: Answer, code: FlashclaimError['code']): boolean =>
  !answer.response.ok && readFault(answer).code === code;
