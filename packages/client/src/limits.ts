/** Every limit of the client, with its unit and its reason. It is installed alone, so it can't share the API's. */

/** Times one claim is tried by default: with the pauses below, longer than the ten seconds in which a failed part is back. */
export const CLAIM_ATTEMPTS_DEFAULT = 10;

/** How long one claim is tried by default, all attempts and pauses together. */
export const CLAIM_TIMEOUT_DEFAULT_MS = 30_000;

/** How long any other call may take by default. */
export const CALL_TIMEOUT_DEFAULT_MS = 10_000;

/** How long one attempt may take by default: twice what the API lets a claim wait before it answers 202. */
export const ATTEMPT_TIMEOUT_DEFAULT_MS = 10_000;

/** The pause after the first failed attempt. Each failure doubles it. */
export const BACKOFF_FIRST_MS = 200;

/** The longest pause that the client chooses by itself. */
export const BACKOFF_MAX_MS = 5_000;

/** The pause before a pending claim is asked for again, where the API names none. */
export const PENDING_PAUSE_MS = 1_000;

/** A longer timer would fire at once. */
export const TIMER_MAX_MS = 2 ** 31 - 1;
