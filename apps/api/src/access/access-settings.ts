import { createPublicKey, type KeyObject } from 'node:crypto';
import { StartError } from '@flashclaim/runtime';

/** Shorter secrets can be guessed. */
const SECRET_MIN_CHARS = 16;

/** The old token and the new one, while it is replaced. */
const ADMIN_TOKENS_MAX = 2;

/** Characters that a header can carry. */
const PRINTABLE = /^[\x20-\x7e]+$/;

/** Splits a list of secrets: by commas, and in a file by lines. */
const readSecrets = (name: string, value: string | undefined): string[] => {
  if (value === undefined) return [];
  const secrets = value
    .split(/[,\r\n]/)
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  if (secrets.length === 0 || secrets.some(({ length }) => length < SECRET_MIN_CHARS))
    throw new StartError(
      `The setting ${name} is (not shown), but each secret in it must have at least ${SECRET_MIN_CHARS} characters.`,
    );
  if (!secrets.every((secret) => PRINTABLE.test(secret)))
    throw new StartError(`The setting ${name} is (not shown), but a secret may contain printable ASCII only.`);
  return secrets;
};

/**
 * The tokens of ADMIN_TOKEN.
 * @throws StartError where one is too short or can't be sent in a header, or there are more than two.
 */
export const readAdminTokens = (value: string | undefined): string[] => {
  const tokens = readSecrets('ADMIN_TOKEN', value);
  if (tokens.length > ADMIN_TOKENS_MAX)
    throw new StartError(
      `The setting ADMIN_TOKEN is (not shown), but it may list only ${ADMIN_TOKENS_MAX} tokens, separated by a comma.`,
    );
  return tokens;
};

/**
 * The keys of CLAIM_API_KEYS.
 * @throws StartError where one is too short, can't be sent in a header, or is an admin token.
 */
export const readClaimKeys = (value: string | undefined, adminTokens: readonly string[]): string[] => {
  const keys = readSecrets('CLAIM_API_KEYS', value);
  if (keys.some((key) => adminTokens.includes(key)))
    throw new StartError(
      'The setting CLAIM_API_KEYS contains a token of ADMIN_TOKEN, but a caller who may claim must not be admin.',
    );
  return keys;
};

/** How the tokens of end users are checked. */
export interface TokenSettings {
  issuer: string;
  audience: string;
  /** The address of the issuer's keys (a JSON Web Key Set), or its only key. */
  keys: URL | KeyObject;
}

export interface TokenVariables {
  CLAIM_JWT_ISSUER?: string | undefined;
  CLAIM_JWT_AUDIENCE?: string | undefined;
  CLAIM_JWT_JWKS_URL?: string | undefined;
  CLAIM_JWT_PUBLIC_KEY?: string | undefined;
}

const NEEDED =
  'tokens need CLAIM_JWT_ISSUER, CLAIM_JWT_AUDIENCE, and either CLAIM_JWT_JWKS_URL or CLAIM_JWT_PUBLIC_KEY.';

/**
 * The settings of tokens; undefined where none is set.
 * @throws StartError where one is missing or wrong.
 */
export const readTokenSettings = (variables: TokenVariables): TokenSettings | undefined => {
  const {
    CLAIM_JWT_ISSUER: issuer,
    CLAIM_JWT_AUDIENCE: audience,
    CLAIM_JWT_JWKS_URL: url,
    CLAIM_JWT_PUBLIC_KEY: pem,
  } = variables;
  if (issuer === undefined && audience === undefined && url === undefined && pem === undefined) return undefined;
  if (issuer === undefined) throw new StartError(`The setting CLAIM_JWT_ISSUER is missing: ${NEEDED}`);
  if (audience === undefined) throw new StartError(`The setting CLAIM_JWT_AUDIENCE is missing: ${NEEDED}`);
  if (url !== undefined && pem !== undefined)
    throw new StartError(
      'The settings CLAIM_JWT_JWKS_URL and CLAIM_JWT_PUBLIC_KEY are both set, but only one of them may be.',
    );
  if (url !== undefined) return { issuer, audience, keys: readKeysUrl(url) };
  if (pem !== undefined) return { issuer, audience, keys: readPublicKey(pem) };
  throw new StartError(`The setting CLAIM_JWT_JWKS_URL or CLAIM_JWT_PUBLIC_KEY is missing: ${NEEDED}`);
};

const readKeysUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw new StartError(
      'The setting CLAIM_JWT_JWKS_URL is wrong: it must be an http or https address without user and password.',
    );
  return url;
};

const RSA_MIN_BITS = 2_048;

const readPublicKey = (text: string): KeyObject => {
  const wrong = (why: string) => new StartError(`The setting CLAIM_JWT_PUBLIC_KEY is (not shown), but ${why}.`);
  // In a variable of one line, \n stands for the end of a line.
  const pem = text.replaceAll('\\n', '\n');
  if (pem.includes('PRIVATE KEY'))
    throw wrong('it is a private key: set the public key, and keep the private one secret');
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    throw wrong('it is not a public key in PEM');
  }
  if (algorithmOf(key) === undefined)
    throw wrong(`it must be a key for EdDSA (Ed25519), ES256 (P-256) or RS256 (RSA, at least ${RSA_MIN_BITS} bits)`);
  return key;
};

/** The one algorithm of a key; undefined where tokens with this kind of key are not accepted. */
export const algorithmOf = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string | undefined => {
  if (asymmetricKeyType === 'ed25519') return 'EdDSA';
  if (asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_MIN_BITS) return 'RS256';
  return undefined;
};
