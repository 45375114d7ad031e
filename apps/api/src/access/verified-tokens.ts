import { hash } from 'node:crypto';

/** A generation of tokens. Two are remembered: together, more than the claims that may wait by default. */
const GENERATION_MAX = 16_384;

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
  /** By digest. */
  #young = new Map<string, Verified>();
  /** It is forgotten as a whole when the young generation is full. */
  #old: ReadonlyMap<string, Verified> = new Map();

  /** The user of a token; undefined where it has to be verified. */
  userOf(token: string): string | undefined {
    const digest = digestOf(token);
    const verified = this.#young.get(digest) ?? this.#old.get(digest);
    return verified && performance.now() < verified.untilMs ? verified.user : undefined;
  }

  /** @param expiresAt of the token, in seconds since the epoch. */
  add(token: string, user: string, expiresAt: number): void {
    // biome-ignore lint/plugin/wall-clock: a token expires by the wall clock.
    const leftMs = expiresAt * 1_000 - Date.now();
    if (this.#young.size >= GENERATION_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    const untilMs = performance.now() + Math.min(leftMs, VERIFIED_AGE_MAX_MS);
    this.#young.set(digestOf(token), { user, untilMs });
  }
}

const digestOf = (token: string): string => hash('sha256', token, 'base64url');
