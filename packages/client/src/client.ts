import { type ClaimOptions, claim } from './claim.ts';
import { type Clock, systemClock } from './clock.ts';
import type { ClaimStatus, Coupon, NewCoupon } from './documents.ts';
import type { FlashclaimError } from './errors.ts';
import { ATTEMPT_TIMEOUT_DEFAULT_MS, CALL_TIMEOUT_DEFAULT_MS } from './limits.ts';
import { readDocument, readFault } from './read-answer.ts';
import type { ClaimOutcome, ClaimRequest } from './read-claim.ts';
import {
  type Answer,
  CREDENTIALS,
  type Credentials,
  type HttpRequest,
  sendRequest,
  type Transport,
} from './send-request.ts';

export interface ClientOptions {
  /** The address of the API: everything before `/api`. */
  baseUrl: string | URL;
  /**
   * The admin token, required to create coupons and to read their users if the API has one set. It is sent with `createCoupon`
   * and `coupon` only.
   */
  token?: string | undefined;
  /**
   * Sent with every request, for example `{ authorization: 'Bearer …' }`. The client's own headers win: `content-type`,
   * `idempotency-key`, and `authorization` of `createCoupon` and `coupon` where `token` is set.
   */
  headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether a browser sends its cookies and passwords, as in `fetch`. The API reads none, and answers other origins without
   * allowing `include`: that is for a gateway in front of it.
   */
  credentials?: Credentials | undefined;
  /** The global `fetch` by default. */
  fetch?: typeof fetch | undefined;
  /** Timeout of one request of a claim. Set it longer than the API's `CLAIM_WAIT_MS`, which is 5 s by default. */
  attemptTimeoutMs?: number | undefined;
  clock?: Clock | undefined;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
}

export type Created = { outcome: 'created'; coupon: Coupon } | { outcome: 'name_taken' };
export type Health = { status: 'ok' } | { status: 'unavailable'; detail: string };

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
  /** Creates a coupon, without a retry. If the answer is lost, `coupon` shows whether the coupon exists. */
  createCoupon(request: NewCoupon, options?: CallOptions): Promise<Created>;
  /** A coupon with its first `limit` users (1,000 by default and at most). Resolves to null if there is no such coupon. */
  coupon(name: string, options?: CallOptions & { limit?: number | undefined }): Promise<Coupon | null>;
  /** Whether the API works and reaches its stores. */
  health(options?: CallOptions): Promise<Health>;
}

/** @throws TypeError if `baseUrl`, `headers` or `credentials` is not valid. */
export const createClient = (options: ClientOptions): Client => {
  const transport = toTransport(options);
  const get = (path: string, call: CallOptions = {}, headers: Record<string, string> = {}) =>
    send(transport, { method: 'GET', url: transport.baseUrl + path, headers }, call);
  return {
    claim: (request, claimOptions = {}) => claim(transport, request, claimOptions),

    claimStatus: async (claimId, call) => {
      const answer = await get(`/api/claims/${encodeURIComponent(claimId)}`, call);
      return isProblem(answer, 'not_found') ? null : readDocument<ClaimStatus>(answer, [200], 'claim_id');
    },

    createCoupon: async ({ name, amount }, call = {}) => {
      const url = `${transport.baseUrl}/api/coupons`;
      const answer = await send(
        transport,
        { method: 'POST', url, headers: transport.adminHeaders, body: { name, amount } },
        call,
      );
      if (isProblem(answer, 'name_taken')) return { outcome: 'name_taken' };
      return { outcome: 'created', coupon: readDocument<Coupon>(answer, [201], 'remaining_amount') };
    },

    coupon: async (name, { limit, ...call } = {}) => {
      const query = limit === undefined ? '' : `?limit=${limit}`;
      const path = `/api/coupons/${encodeURIComponent(name)}${query}`;
      const answer = await get(path, call, transport.adminHeaders);
      return isProblem(answer, 'coupon_not_found') ? null : readDocument<Coupon>(answer, [200], 'remaining_amount');
    },

    health: async (call) => {
      const answer = await get('/health', call);
      if (isProblem(answer, 'unavailable')) return { status: 'unavailable', detail: readFault(answer).message };
      return { status: readDocument<{ status: 'ok' }>(answer, [200], 'status').status };
    },
  };
};

const toTransport = (options: ClientOptions): Transport => {
  const {
    token,
    fetch = globalThis.fetch,
    attemptTimeoutMs = ATTEMPT_TIMEOUT_DEFAULT_MS,
    clock = systemClock,
  } = options;
  return {
    baseUrl: readBaseUrl(options.baseUrl),
    // Called as a function: a browser's fetch throws if it is called as a method of another object.
    fetch: (input, init) => fetch(input, init),
    clock,
    attemptTimeoutMs,
    headers: readHeaders(options.headers ?? {}),
    credentials: readCredentials(options.credentials),
    adminHeaders: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
};

/** A copy, so that a later change of the given object has no effect. The message has no value, which may be a secret. */
const readHeaders = (given: Readonly<Record<string, string>>): Record<string, string> => {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string' || !isHeader(name, value))
      throw new TypeError(`headers contains ${JSON.stringify(name)}, but its name or value is not valid in HTTP.`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
};

const isHeader = (name: string, value: string): boolean => {
  try {
    new Headers([[name, value]]);
    return true;
  } catch {
    return false;
  }
};

const readCredentials = (given: Credentials | undefined): Credentials | undefined => {
  if (given !== undefined && !CREDENTIALS.includes(given))
    throw new TypeError(`credentials is ${JSON.stringify(given)}, but it must be one of ${CREDENTIALS.join(', ')}.`);
  return given;
};

const readBaseUrl = (given: string | URL): string => {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw new TypeError('baseUrl must be an address that begins with http:// or https://, without user and password.');
  return url.origin + url.pathname.replace(/\/+$/, '');
};

const send = (
  transport: Transport,
  request: HttpRequest,
  { signal, timeoutMs = CALL_TIMEOUT_DEFAULT_MS }: CallOptions,
) => sendRequest(transport, request, { signal, timeoutMs });

const isProblem = (answer: Answer, code: FlashclaimError['code']): boolean =>
  !answer.response.ok && readFault(answer).code === code;
