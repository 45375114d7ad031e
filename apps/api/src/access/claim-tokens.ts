import { isName, normaliseName, type ProblemCode } from '@flashclaim/core';
import type { Logger } from '@flashclaim/runtime';
import { errors, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import { algorithmOf, type TokenSettings } from './access-settings.ts';
import { KeysUnavailableError, RemoteKeys } from './remote-keys.ts';
import { VerifiedTokens } from './verified-tokens.ts';

/** Asymmetric algorithms only. With HMAC, everybody who knows the public key could sign. */
const ALGORITHMS = ['EdDSA', 'ES256', 'RS256'];

/** Keys that are tried for a token without `kid`. */
const KEYS_TRIED_MAX = 4;

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
      // Not more than half of them may wait for the key server, so that tokens with known keys get through.
      const remoteKeys = new RemoteKeys(keys, { log, waitingMax: Math.ceil(waitingMax / 2) });
      const options = { ...rules, algorithms: ALGORITHMS };
      this.#remoteKeys = remoteKeys;
      this.#verify = (token) => verifyByOneOf(token, remoteKeys.find, options);
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
      // Otherwise two users of the issuer could be one here.
      if (sub !== normaliseName(sub)) return invalid('Its sub is not in normal form C of Unicode.');
      this.#verified.add(token, sub, exp);
      return { user: sub };
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

/** A token without `kid` may be of each of the issuer's keys. */
const verifyByOneOf = async (
  token: string,
  find: RemoteKeys['find'],
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> => {
  try {
    return await jwtVerify(token, find, options);
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    let last: unknown = new errors.JWKSNoMatchingKey();
    let tried = 0;
    for await (const key of error) {
      if (tried++ === KEYS_TRIED_MAX) break;
      try {
        return await jwtVerify(token, key, options);
      } catch (fault) {
        last = fault;
        if (!(fault instanceof errors.JWSSignatureVerificationFailed)) break;
      }
    }
    throw last;
  }
};

const invalid = (why: string): Verified => ({ code: 'unauthorized', detail: `The token is not accepted. ${why}` });

/** jose checks the claims after the signature, so only the issuer's own tokens get a reason that names one. */
const whyInvalid = (error: unknown): string => {
  if (error instanceof errors.JWTExpired) return 'It has expired.';
  if (error instanceof errors.JWTClaimValidationFailed) return `Its ${error.claim} is missing or wrong.`;
  if (error instanceof errors.JWKSNoMatchingKey) return 'Its key is not known.';
  return `It must be a JWT, signed with ${ALGORITHMS.join(', ')} by the issuer.`;
};
