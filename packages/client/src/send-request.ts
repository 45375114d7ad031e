import type { Clock } from './clock.ts';
import { FlashclaimError } from './errors.ts';
import { TIMER_MAX_MS } from './limits.ts';

export const CREDENTIALS = ['omit', 'same-origin', 'include'] as const;
export type Credentials = (typeof CREDENTIALS)[number];

/** How requests reach the API: its address, and what each request is sent with. */
export interface Transport {
  /** Without a trailing slash. */
  baseUrl: string;
  fetch: typeof fetch;
  clock: Clock;
  /** Sent with every request. */
  headers: Record<string, string>;
  /** The default of `fetch` where it is undefined. */
  credentials: Credentials | undefined;
  /** Sent with admin calls only. */
  adminHeaders: Record<string, string>;
  attemptTimeoutMs: number;
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

/** A response with its whole body. A gateway may have sent it instead of the API. */
export interface Answer {
  request: HttpRequest;
  response: Response;
  text: string;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
  timeoutMs: number;
}

/**
 * Sends one request and reads the whole answer. Removes its timer and its listener in every case.
 * @throws FlashclaimError `no_answer` or `timed_out`; the signal's reason if it aborts.
 */
export const sendRequest = async (
  transport: Transport,
  request: HttpRequest,
  { signal, timeoutMs }: RequestOptions,
): Promise<Answer> => {
  signal?.throwIfAborted();
  const { method, url, body } = request;
  const headers = new Headers({
    ...transport.headers,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...request.headers,
  });
  const end = new AbortController();
  const abort = () => end.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => end.abort(), Math.min(timeoutMs, TIMER_MAX_MS));
  try {
    // A redirect is not followed: it could turn POST into GET, and a claim into a read of the coupon.
    const init: RequestInit = { method, headers, redirect: 'manual', signal: end.signal };
    if (transport.credentials) init.credentials = transport.credentials;
    const response = await transport.fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
    return { request, response, text: await response.text() };
  } catch (error) {
    signal?.throwIfAborted();
    if (end.signal.aborted)
      throw new FlashclaimError({ code: 'timed_out', message: `${method} ${url} was not answered in time.` });
    throw new FlashclaimError({
      code: 'no_answer',
      message: `${method} ${url} got no answer: ${describe(error)}.`,
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
};

/** Node's fetch says only "fetch failed"; the reason is in its cause. */
const describe = (error: unknown): string => {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message || (cause as { code?: string }).code : undefined;
  return reason || message;
};
