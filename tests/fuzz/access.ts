import { randomBytes } from 'node:crypto';
import { AUDIENCE, ISSUER, inSeconds, newKey, tokenOf } from '../support/token-issuer.ts';
import { NAMES } from './arbitraries.ts';

/** The value of `Authorization`, and the security schemes of the document that accept it. */
export interface Credential {
  authorization: string | undefined;
  schemes: readonly string[];
}

/** How an API restricts who may call it, and credentials that are right for some of its calls, or for none. */
export interface Access {
  env: NodeJS.ProcessEnv;
  credentials: readonly Credential[];
  /** Who may create coupons. */
  admin: Credential;
  /** Who may claim, for this user. */
  claimant: Credential & { user: string };
}

export const ACCESS_NAMES = ['open', 'keys', 'tokens'] as const;
export type AccessName = (typeof ACCESS_NAMES)[number];

const NOBODY: Credential = { authorization: undefined, schemes: [] };

export const openAccess: Access = {
  env: {},
  credentials: [NOBODY, { authorization: 'Bearer unasked', schemes: [] }],
  admin: NOBODY,
  claimant: { ...NOBODY, user: 'first' },
};

const bearer = (secret: string, ...schemes: string[]): Credential => ({ authorization: `Bearer ${secret}`, schemes });
const basic = (password: string, ...schemes: string[]): Credential => ({
  authorization: `Basic ${Buffer.from(`user:${password}`).toString('base64')}`,
  schemes,
});
const newSecret = (): string => randomBytes(16).toString('hex');

const withAdmin = (claimant: Access['claimant'], others: readonly Credential[], env: NodeJS.ProcessEnv): Access => {
  const tokens = [newSecret(), newSecret()];
  const [admin = NOBODY, ...more] = tokens.map((token) => bearer(token, 'adminToken'));
  const passwords = tokens.map((token) => basic(token, 'adminPassword'));
  const wrong = [NOBODY, bearer(newSecret()), basic(newSecret()), bearer(''), { ...NOBODY, authorization: 'Bearer' }];
  const credentials = [admin, ...more, ...passwords, claimant, ...others, ...wrong];
  return { env: { ...env, ADMIN_TOKEN: tokens.join() }, credentials, admin, claimant };
};

const keysAccess = (): Access => {
  const keys = [newSecret(), newSecret()];
  const [first = NOBODY, ...others] = keys.map((key) => bearer(key, 'claimKey'));
  const right = [...others, ...others, basic(keys[0] as string)];
  return withAdmin({ ...first, user: 'first' }, right, { CLAIM_API_KEYS: keys.join() });
};

const tokensAccess = async (): Promise<Access> => {
  const [key, foreign] = [await newKey('fuzz'), await newKey('fuzz')];
  const claims = { exp: inSeconds(86_400) };
  const right = await Promise.all(
    NAMES.map(async (user) => bearer(await tokenOf(key, user, { claims }), 'claimToken')),
  );
  const wrong = await Promise.all([
    tokenOf(foreign, 'first', { claims }),
    tokenOf(key, 'first', { claims: { exp: inSeconds(-60) } }),
    tokenOf(key, 'first', { claims: { ...claims, aud: 'another' } }),
    tokenOf(key, 'first', { claims: { ...claims, iss: 'another' } }),
    tokenOf(key, ' first', { claims }),
  ]);
  const unsigned = [{ alg: 'none' }, { iss: ISSUER, aud: AUDIENCE, sub: 'first', ...claims }]
    .map((part) => `${Buffer.from(JSON.stringify(part)).toString('base64url')}.`)
    .join('');
  const [first = NOBODY] = right;
  return withAdmin(
    { ...first, user: NAMES[0] as string },
    [...right, ...[...wrong, unsigned].map((one) => bearer(one))],
    {
      CLAIM_JWT_ISSUER: ISSUER,
      CLAIM_JWT_AUDIENCE: AUDIENCE,
      CLAIM_JWT_PUBLIC_KEY: key.pem,
    },
  );
};

/** The access of this name, with new secrets. */
export const accessOf = async (name: AccessName): Promise<Access> => {
  if (name === 'keys') return keysAccess();
  return name === 'tokens' ? tokensAccess() : openAccess;
};
