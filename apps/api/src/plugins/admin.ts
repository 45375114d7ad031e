import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { bearerOf, passwordOf } from '../access/authorization.ts';
import { isLocalHost } from '../access/is-local-host.ts';
import { Secrets } from '../access/secrets.ts';
import { HOST_NOT_ALLOWED, sendProblem } from '../http/problem.ts';
import { addLimit, rejectLimited } from './rate-limits.ts';

/** Wrong admin tokens of an address in a minute. A person who mistypes sends fewer. */
const WRONG_TOKENS_MAX = 10;

/** Addresses whose wrong tokens are counted: the latest ones. */
const ADDRESSES_MAX = 5_000;

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether admin calls need no token, because none is set. */
    isAdminOpen: boolean;
    /** Whether a request has an admin token. Where none is set, no request has one. */
    hasAdminToken: (request: FastifyRequest) => boolean;
    /** The hook of admin calls: rejects a request without an admin token or, where none is set, under a foreign host name. */
    requireAdmin: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  }
}

/** Admin access: `Authorization: Bearer TOKEN`, or HTTP Basic with the token as password, for which browsers ask the user. */
export const admin = fp<{ tokens: readonly string[] }>(
  async (app, { tokens }) => {
    const isOpen = tokens.length === 0;
    const secrets = new Secrets(tokens);
    const limit = await addLimit(app, 'wrong-token', WRONG_TOKENS_MAX, { cache: ADDRESSES_MAX });
    const hasAdminToken = ({ headers: { authorization } }: FastifyRequest): boolean => {
      const given = bearerOf(authorization) ?? passwordOf(authorization);
      return given !== undefined && secrets.has(given);
    };
    app.decorate('isAdminOpen', isOpen);
    app.decorate('hasAdminToken', hasAdminToken);
    // Problems are sent here and not thrown: Bull Board has an error handler of its own, which would answer 500.
    app.decorate('requireAdmin', async (request: FastifyRequest, reply: FastifyReply) => {
      if (isOpen) return isOwnCaller(request) ? undefined : sendProblem(reply, 'host_not_allowed', HOST_NOT_ALLOWED);
      if (hasAdminToken(request)) return undefined;
      // Only wrong tokens are counted, so nobody can lock out an admin who shares the address.
      const counted = request.headers.authorization === undefined ? undefined : await limit.check(request);
      if (counted && !counted.isAllowed && counted.isExceeded)
        return rejectLimited(reply, limit, counted, 'wrong admin tokens of this address');
      reply.header('www-authenticate', 'Basic realm="flashclaim", Bearer realm="flashclaim"');
      return sendProblem(reply, 'unauthorized', 'Send Authorization: Bearer with the admin token.');
    });
  },
  { name: 'admin' },
);

/** Whether no page of another host sent a request: neither by its own name (DNS rebinding) nor as a call to another origin. */
const isOwnCaller = ({ raw: { headers } }: FastifyRequest): boolean => {
  const { host, origin } = headers;
  return isLocalHost(host) && (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host));
};
