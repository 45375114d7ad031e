import { isName, normaliseName, type ProblemCode } from '@flashclaim/core';
import type { Logger } from '@flashclaim/runtime';
import { errors, type JWTVerifyResult, jwtVerify } from 'jose';
import { algorithmOf, type TokenSettings } from './access-settings.ts';
import { KeysUnavailableError, RemoteKeys } from './remote-keys.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** Asymmetric algorithms only. With HMAC, whoever knows the public key could sign. */
const ALGORITHMS = ['EdDSA', 'ES256', 'RS256'];

/** The user of a token in normal form, or why the token is not accepted. */
export type Verified =
  | { user: string }
  | { code: Extract<ProblemCode, 'unauthorized' | 'overloaded' | 'unavailable'>; detail: string };

export interface ClaimTokensOptions extends TokenSettings {
  /** Tokens that may be in verification. */
  waitingMax: number;
  log: Pick<Logger, 'warn' | 'info'>;
}

const OVERLOADED: Verified = {
  code: 'overloaded',
  detail: 'Too many tokens wait for their verification. Nothing was done. Try again shortly.',
};
const UNAVAILABLE: Verified = {
  code: 'unavailable',
  detail: 'The keys for tokens are not available. Nothing was done. Try again shortly.',
};

/** Verifies the tokens (JWTs) of end users. Node checks signatures in its thread pool, so the event loop does not wait. */
export class ClaimTokens {
  readonly #verify: (token: string) => Promise<JWTVerifyResult>;
  readonly #remoteKeys: RemoteKeys | undefined;
  readonly #waitingMax: number;
  readonly #verified = new VerifiedTokens();
  #waiting = 0;

  constructor({ issuer, audience, keys, waitingMax, log }: ClaimTokensOptions) {
    this.#waitingMax = waitingMax;
    // A token without `exp` would be valid for good.
    const rules = { issuer, audience, requiredClaims: ['sub', 'exp'] };
    if (keys instanceof URL) {
      const remoteKeys = new RemoteKeys(keys, log);
      const options = { ...rules, algorithms: ALGORITHMS };
      this.#remoteKeys = remoteKeys;
      this.#verify = (token) => jwtVerify(token, remoteKeys.find, options);
    } else {
      const options = { ...rules, algorithms: [algorithmOf(keys) as string] };
      this.#verify = (token) => jwtVerify(token, keys, options);
    }
  }

  /** Verifies a token. Resolves to its user, or to why it is not accepted. */
  async verify(token: string): Promise<Verified> {
    const known = this.#verified.userOf(token);
    if (known !== undefined) return { user: known };
    if (this.#waiting >= this.#waitingMax) return OVERLOADED;
    this.#waiting++;
    try {
      const { sub, exp = 0 } = (await this.#verify(token)).payload;
      if (typeof sub !== 'string' || !isName(sub)) return invalid('Its sub is not a valid user_id.');
      const user = normaliseName(sub);
      this.#verified.add(token, user, exp);
      return { user };
    } catch (error) {
      return error instanceof KeysUnavailableError ? UNAVAILABLE : invalid(whyInvalid(error));
    } finally {
      this.#waiting--;
    }
  }

  close(): void {
    this.#remoteKeys?.close();
  }
}

const invalid = (why: string): Verified => ({ code: 'unauthorized', detail: `The token is not accepted. ${why}` });

/** jose checks the claims after the signature, so only the issuer's own tokens get a reason that names one. */
const whyInvalid = (error: unknown): string => {
  if (error instanceof errors.JWTExpired) return 'It has expired.';
  if (error instanceof errors.JWTClaimValidationFailed) return `Its ${error.claim} is missing or wrong.`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'Its key is not known.';
  return `It must be a JWT, signed with ${ALGORITHMS.join(', ')} by the issuer.`;
};
