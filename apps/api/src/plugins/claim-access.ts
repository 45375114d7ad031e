import { randomBytes } from 'node:crypto';
import { normaliseName } from '@flashclaim/core';
import type {
  FastifyReply,
  FastifyRequest,
  onRequestAsyncHookHandler,
  preHandlerHookHandler,
  preValidationHookHandler,
} from 'fastify';
import fp from 'fastify-plugin';
import type { TokenSettings } from '../access/access-settings.ts';
import { bearerOf } from '../access/authorization.ts';
import { ClaimTokens } from '../access/claim-tokens.ts';
import { Secrets } from '../access/secrets.ts';
import { channels, type RejectionCode } from '../claims/channels.ts';
import { ProblemError, sendProblem } from '../http/problem.ts';

/** The hooks of calls that claim or read a claim. There are none where everybody may claim. */
interface ClaimAccess {
  /** `onRequest` of a claim: rejects it without a valid key or token. Before the body is read. */
  authenticate: onRequestAsyncHookHandler[];
  /** `onRequest` of the status of a claim: the same, and an admin token reads every claim. */
  authenticateReader: onRequestAsyncHookHandler[];
  /** `onRequest` of a release: admin, or a caller with an API key. A user can't release by a token. */
  authenticateRelease: onRequestAsyncHookHandler[];
  /** `preValidation` of a claim: the user of the token, where the body has none. */
  fillUser: preValidationHookHandler[];
  /** `preHandler` of a claim: rejects a user who is not that of the token. */
  matchUser: preHandlerHookHandler[];
  /** Accepted by this process only, for the claims that it sends to itself in a test sale. */
  ownKey: string | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The user of the token, in normal form; undefined where the request has none. */
    claimUser?: string | undefined;
  }
  interface FastifyInstance {
    claimAccess: ClaimAccess;
  }
}

export interface ClaimAccessOptions {
  /** API keys. A caller who has one may claim for every user. */
  keys: readonly string[];
  /** How tokens of end users are checked; undefined where none are accepted. */
  tokens: TokenSettings | undefined;
  /** Tokens that may be in verification. */
  waitingMax: number;
  /** Whether other machines reach this process. */
  isPublic: boolean;
  testSales: boolean;
}

const EVERYBODY = {
  authenticate: [],
  authenticateReader: [],
  fillUser: [],
  matchUser: [],
  ownKey: undefined,
};

/** Who may claim, and read a claim: callers with an API key or a token, where these are set. */
export const claimAccess = fp<ClaimAccessOptions>(
  async (app, options) => {
    const { keys, tokens, isPublic } = options;
    if (keys.length > 0 || tokens) app.decorate('claimAccess', restrict(app, options));
    else app.decorate('claimAccess', { ...EVERYBODY, authenticateRelease: [app.requireAdmin] });
    if (keys.length === 0 && !tokens && isPublic)
      app.log.warn(
        'everybody who reaches this port can claim for any user: let only your back end reach it, or set CLAIM_API_KEYS or CLAIM_JWT_ISSUER',
      );
  },
  { name: 'claim-access', dependencies: ['admin'] },
);

type OnReject = (code: RejectionCode) => void;

const REALM = 'Bearer realm="flashclaim"';

const restrict = (app: Parameters<typeof claimAccess>[0], options: ClaimAccessOptions): ClaimAccess => {
  const { keys, tokens: settings, waitingMax, testSales } = options;
  const ownKey = testSales ? randomBytes(32).toString('base64url') : undefined;
  const secrets = new Secrets(ownKey === undefined ? keys : [...keys, ownKey]);
  const tokens = settings && new ClaimTokens({ ...settings, waitingMax, log: app.log });
  if (tokens) {
    app.decorateRequest('claimUser', undefined);
    app.addHook('onClose', async () => tokens.close());
  }
  const needed = [...(keys.length > 0 ? ['an API key'] : []), ...(tokens ? ['a token'] : [])].join(' or ');

  const authenticate = async (request: FastifyRequest, reply: FastifyReply, onReject?: OnReject) => {
    const given = bearerOf(request.headers.authorization);
    if (given === undefined) {
      reply.header('www-authenticate', REALM);
      return sendProblem(reply, 'unauthorized', `Send Authorization: Bearer with ${needed}.`);
    }
    if (secrets.has(given)) return undefined;
    const verified = await (tokens?.verify(given) ?? WRONG_KEY);
    if ('user' in verified) {
      request.claimUser = verified.user;
      return undefined;
    }
    if (verified.code === 'unauthorized') reply.header('www-authenticate', `${REALM}, error="invalid_token"`);
    else onReject?.(verified.code);
    return sendProblem(reply, verified.code, verified.detail);
  };
  return {
    authenticate: [(request, reply) => authenticate(request, reply, (code) => channels.reject.publish(code))],
    authenticateReader: [
      async (request, reply) => (app.hasAdminToken(request) ? undefined : authenticate(request, reply)),
    ],
    authenticateRelease: [
      async (request, reply) => {
        const given = bearerOf(request.headers.authorization);
        return given !== undefined && secrets.has(given) ? undefined : app.requireAdmin(request, reply);
      },
    ],
    fillUser: tokens ? [fillUser] : [],
    matchUser: tokens ? [matchUser] : [],
    ownKey,
  };
};

const WRONG_KEY = { code: 'unauthorized', detail: 'The API key is not valid.' } as const;

const fillUser: preValidationHookHandler = ({ body, claimUser }, _reply, done) => {
  if (claimUser !== undefined && typeof body === 'object' && body !== null && !Object.hasOwn(body, 'user_id'))
    Object.assign(body, { user_id: claimUser });
  done();
};

const matchUser: preHandlerHookHandler = ({ body, claimUser }, _reply, done) => {
  if (claimUser === undefined || normaliseName((body as { user_id: string }).user_id) === claimUser) done();
  else done(new ProblemError('user_mismatch', 'Leave user_id out, or send the sub of the token.'));
};
