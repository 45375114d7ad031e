import { hash } from 'node:crypto';

/** Tokens that are remembered: as many as claims may wait by default. */
const VERIFIED_MAX = 20_000;

/** A token is verified again after this, so that it does not outlive its key for long. */
const VERIFIED_AGE_MAX_MS = 60_000;

interface Verified {
  user: string;
  /** By the monotonic clock. */
  untilMs: number;
}

/**
 * Remembers tokens that were verified a moment ago, by their digests. A signature costs more than the rest of a claim, and in a
 * sale most callers come back with the same token.
 */
export class VerifiedTokens {
  /** The oldest first. */
  readonly #byDigest = new Map<string, Verified>();

  /** The user of a token; undefined where it has to be verified. */
  userOf(token: string): string | undefined {
    const verified = this.#byDigest.get(digestOf(token));
    return verified && performance.now() < verified.untilMs ? verified.user : undefined;
  }

  /** @param expiresAt of the token, in seconds since the epoch. */
  add(token: string, user: string, expiresAt: number): void {
    // biome-ignore lint/plugin/wall-clock: a token expires by the wall clock.
    const leftMs = expiresAt * 1_000 - Date.now();
    const digest = digestOf(token);
    this.#byDigest.delete(digest);
    for (const [oldest] of this.#byDigest) {
      if (this.#byDigest.size < VERIFIED_MAX) break;
      this.#byDigest.delete(oldest);
    }
    this.#byDigest.set(digest, { user, untilMs: performance.now() + Math.min(leftMs, VERIFIED_AGE_MAX_MS) });
  }
}

const digestOf = (token: string): string => hash('sha256', token, 'base64url');
