import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import { sendProblem } from '../http/problem.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** A hook that rejects a request without the admin token. Where no token is set, it admits all. */
    requireAdmin: (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>;
  }
}

/** Admin access: `Authorization: Bearer TOKEN`, or HTTP Basic with the token as password, for which browsers ask the user. */
export const admin = fp<{ token: string | undefined }>(
  async (app, { token }) => {
    const expected = token === undefined ? undefined : digest(token);
    app.decorate('requireAdmin', async (request: FastifyRequest, reply: FastifyReply) => {
      if (!expected) return undefined;
      const given = tokenOf(request.headers.authorization);
      if (given !== undefined && timingSafeEqual(digest(given), expected)) return undefined;
      reply.header('www-authenticate', 'Basic realm="flashclaim", Bearer realm="flashclaim"');
      // Sent here and not thrown: Bull Board has an error handler of its own, which would answer 500.
      return sendProblem(reply, 'unauthorized', 'Send Authorization: Bearer with the admin token.');
    });
  },
  { name: 'admin' },
);

const tokenOf = (header: string | undefined): string | undefined => {
  const [, scheme, value] = /^(\w+) +(.+)$/.exec(header ?? '') ?? [];
  if (value === undefined) return undefined;
  if (scheme?.toLowerCase() === 'bearer') return value;
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
};

/** All digests are equally long, so the comparison does not reveal the length of the token. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
