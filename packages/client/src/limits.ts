/** Every limit of the client. The client is installed alone, so it can't share the limits of the API. */

/**
 * Attempts of one call that is retried, by default. With the pauses below, they take longer than the ten seconds in which a
 * failed part recovers.
 */
export const ATTEMPTS_DEFAULT = 10;

/** Default timeout of one call that is retried, all attempts and pauses together. */
export const RETRIED_CALL_TIMEOUT_DEFAULT_MS = 30_000;

/** Default timeout of every other call. */
export const CALL_TIMEOUT_DEFAULT_MS = 10_000;

/** Default timeout of one attempt: twice the time after which the API answers 202. */
export const ATTEMPT_TIMEOUT_DEFAULT_MS = 10_000;

/** The pause after the first failed attempt. Each failure doubles it. */
export const BACKOFF_FIRST_MS = 200;

/** The longest pause that the client chooses by itself. */
export const BACKOFF_MAX_MS = 5_000;

/** The pause before the next request about a pending claim or release, if the API does not name one. */
export const PENDING_PAUSE_MS = 1_000;

/** The longest timer of JavaScript: a longer one would fire at once. */
export const TIMER_MAX_MS = 2 ** 31 - 1;
