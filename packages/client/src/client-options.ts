import { type Clock, systemClock } from './clock.ts';
import { ATTEMPT_TIMEOUT_DEFAULT_MS } from './limits.ts';
import { CREDENTIALS, type Credentials, type Transport } from './send-request.ts';

export interface ClientOptions {
  /** The address of the API: everything before `/api`. */
  baseUrl: string | URL;
  /**
   * The admin token, if the API has one set. It is sent with every call but `claim`, `claimStatus` and `health`.
   */
  token?: string | undefined;
  /**
   * Sent with every request, for example `{ authorization: 'Bearer …' }`. The client's own headers win: `content-type`,
   * `idempotency-key`, and `authorization` of the calls that send `token`.
   */
  headers?: Readonly<Record<string, string>> | undefined;
  /**
   * Whether a browser sends its cookies and passwords, as in `fetch`. The API reads none, and answers other origins without
   * allowing `include`: that is for a gateway in front of it.
   */
  credentials?: Credentials | undefined;
  /** The global `fetch` by default. */
  fetch?: typeof fetch | undefined;
  /** Timeout of one attempt of a call that is retried. Set it longer than the API's `CLAIM_WAIT_MS`, which is 5 s by default. */
  attemptTimeoutMs?: number | undefined;
  clock?: Clock | undefined;
}

/** @throws TypeError if `baseUrl`, `headers` or `credentials` is not valid. */
export const toTransport = (options: ClientOptions): Transport => {
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
