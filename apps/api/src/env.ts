import {
  CLAIM_WAIT_DEFAULT_MS,
  CLAIM_WAIT_MAX_MS,
  CLAIMS_PENDING_DEFAULT,
  COUPON_MAX_AGE_MAX_SECONDS,
  commonSettings,
  REQUEST_RECEIVE_DEFAULT_MS,
  REQUEST_RECEIVE_MAX_MS,
  REQUEST_RECEIVE_MIN_MS,
} from '@flashclaim/core';
import { readSettings, StartError } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';
import { readAdminTokens, readClaimKeys, readTokenSettings } from './access/access-settings.ts';

/** The API's settings by name. */
export const settings = {
  ...commonSettings,
  PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65_535 }),
  HOST: Type.String({ default: '127.0.0.1' }),
  ADMIN_TOKEN: Type.Optional(Type.String({ writeOnly: true })),
  ALLOW_OPEN_ADMIN: Type.Boolean({ default: false }),
  BULL_BOARD_WRITE: Type.Boolean({ default: false }),
  CLAIM_API_KEYS: Type.Optional(Type.String({ writeOnly: true })),
  CLAIM_JWT_ISSUER: Type.Optional(Type.String()),
  CLAIM_JWT_AUDIENCE: Type.Optional(Type.String()),
  CLAIM_JWT_JWKS_URL: Type.Optional(Type.String()),
  // No secret, but in PEM it has several lines, so it may be in a file, too.
  CLAIM_JWT_PUBLIC_KEY: Type.Optional(Type.String({ writeOnly: true })),
  CLAIM_WAIT_MS: Type.Integer({ default: CLAIM_WAIT_DEFAULT_MS, minimum: 0, maximum: CLAIM_WAIT_MAX_MS }),
  RATE_LIMIT_PER_ADDRESS: Type.Optional(Type.Integer({ minimum: 1 })),
  RATE_LIMIT_PER_USER: Type.Optional(Type.Integer({ minimum: 1 })),
  TRUST_PROXY: Type.Optional(Type.String()),
  CORS_ORIGINS: Type.Optional(Type.String()),
  COUPON_MAX_AGE_SECONDS: Type.Integer({ default: 0, minimum: 0, maximum: COUPON_MAX_AGE_MAX_SECONDS }),
  CLAIMS_PENDING_MAX: Type.Integer({ default: CLAIMS_PENDING_DEFAULT, minimum: 1 }),
  REQUEST_RECEIVE_MS: Type.Integer({
    default: REQUEST_RECEIVE_DEFAULT_MS,
    minimum: REQUEST_RECEIVE_MIN_MS,
    maximum: REQUEST_RECEIVE_MAX_MS,
  }),
};

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

/**
 * Reads the API's settings. No other file of the API reads the environment.
 * @throws StartError that names the wrong setting.
 */
export const readEnv = (environment: NodeJS.ProcessEnv = process.env) => {
  const env = readSettings(settings, environment);
  const adminTokens = readAdminTokens(env.ADMIN_TOKEN);
  const isOnLoopback = LOOPBACK.test(env.HOST);
  if (adminTokens.length === 0 && !env.ALLOW_OPEN_ADMIN && !isOnLoopback)
    throw new StartError(
      `HOST is ${env.HOST}, so everybody who reaches it could create coupons and see the queues: ` +
        'set ADMIN_TOKEN, or set ALLOW_OPEN_ADMIN=true if a proxy in front restricts access.',
    );
  const claimKeys = readClaimKeys(env.CLAIM_API_KEYS, adminTokens);
  return { ...env, adminTokens, claimKeys, claimTokens: readTokenSettings(env), isOnLoopback };
};
export type Env = ReturnType<typeof readEnv>;
