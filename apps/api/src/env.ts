import {
  CLAIM_WAIT_DEFAULT_MS,
  CLAIM_WAIT_MAX_MS,
  CLAIMS_PENDING_DEFAULT,
  commonSettings,
  REQUEST_RECEIVE_DEFAULT_MS,
  REQUEST_RECEIVE_MAX_MS,
  REQUEST_RECEIVE_MIN_MS,
} from '@flashclaim/core';
import { readSettings, StartError } from '@flashclaim/runtime';
import { Type } from '@sinclair/typebox';

const settings = {
  ...commonSettings,
  PORT: Type.Integer({ default: 8080, minimum: 0, maximum: 65_535 }),
  HOST: Type.String({ default: '127.0.0.1' }),
  ADMIN_TOKEN: Type.Optional(Type.String({ minLength: 8, writeOnly: true })),
  ALLOW_OPEN_ADMIN: Type.Boolean({ default: false }),
  BULL_BOARD_WRITE: Type.Boolean({ default: false }),
  CLAIM_WAIT_MS: Type.Integer({ default: CLAIM_WAIT_DEFAULT_MS, minimum: 0, maximum: CLAIM_WAIT_MAX_MS }),
  RATE_LIMIT_PER_ADDRESS: Type.Optional(Type.Integer({ minimum: 1 })),
  RATE_LIMIT_PER_USER: Type.Optional(Type.Integer({ minimum: 1 })),
  TRUST_PROXY: Type.Optional(Type.String()),
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
  if (!env.ADMIN_TOKEN && !env.ALLOW_OPEN_ADMIN && !LOOPBACK.test(env.HOST))
    throw new StartError(
      `HOST is ${env.HOST}, so everybody who reaches it could create coupons and see the queues: ` +
        'set ADMIN_TOKEN, or set ALLOW_OPEN_ADMIN=true if a proxy in front restricts access.',
    );
  return env;
};
export type Env = ReturnType<typeof readEnv>;
