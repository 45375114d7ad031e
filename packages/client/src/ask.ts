import type { Clock } from './clock.ts';
import { FlashclaimError } from './errors.ts';
import { TIMER_MAX_MS } from './limits.ts';

/** Whom to ask, and how. */
export interface Peer {
  /** Without a slash at its end. */
  baseUrl: string;
  fetch: typeof fetch;
  clock: Clock;
  /** Sent with admin calls alone: nobody else needs it. */
  adminHeaders: Record<string, string>;
  attemptTimeoutMs: number;
}

export interface Question {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
}

/** What came back, whoever it came from. */
export interface Answer {
  question: Question;
  response: Response;
  text: string;
}

export interface Patience {
  signal?: AbortSignal | undefined;
  timeoutMs: number;
}

/**
 * One request and its whole answer. Leaves neither a timer nor a listener behind.
 * @throws FlashclaimError `no_answer` or `timed_out`; the signal's reason where it aborts.
 */
export const ask = async (peer: Peer, question: Question, { signal, timeoutMs }: Patience): Promise<Answer> => {
  signal?.throwIfAborted();
  const { method, url, body } = question;
  const headers = new Headers({
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...question.headers,
  });
  const end = new AbortController();
  const abort = () => end.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => end.abort(), Math.min(timeoutMs, TIMER_MAX_MS));
  try {
    // A redirect is no answer. One that were followed would turn POST into GET, and so a claim into the question for a coupon.
    const init = { method, headers, redirect: 'manual', signal: end.signal } as const;
    const response = await peer.fetch(url, body === undefined ? init : { ...init, body: JSON.stringify(body) });
    return { question, response, text: await response.text() };
  } catch (error) {
    signal?.throwIfAborted();
    if (end.signal.aborted)
      throw new FlashclaimError({ code: 'timed_out', message: `${method} ${url} was not answered in time.` });
    throw new FlashclaimError({
      code: 'no_answer',
      message: `${method} ${url} got no answer: ${why(error)}.`,
      cause: error,
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
};

/** Node says "fetch failed", and the reason one level below. */
const why = (error: unknown): string => {
  const { message, cause } = error as Error;
  const reason = cause instanceof Error ? cause.message || (cause as { code?: string }).code : undefined;
  return reason || message;
};
