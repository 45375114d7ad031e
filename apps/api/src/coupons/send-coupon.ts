import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { addVary } from '../http/add-vary.ts';
import { matchesTag } from '../http/matches-tag.ts';
import type { CouponAnswer } from './coupon-reads.ts';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with the coupon. */
export const sendCoupon = (reply: FastifyReply, { body, etag, link }: CouponAnswer): FastifyReply => {
  reply.header('etag', etag);
  if (link !== undefined) reply.header('link', link);
  return reply.type(JSON_TYPE).send(body);
};

/** Answers 200 with the coupon, or 304 where the caller has it. */
export const sendUnlessKnown = (
  { method, headers }: FastifyRequest,
  reply: FastifyReply,
  answer: CouponAnswer,
): FastifyReply => {
  if (!matchesTag(headers['if-none-match'], answer.etag)) return sendCoupon(reply, answer);
  reply.header('etag', answer.etag);
  // Fastify's own hook for HEAD needs a payload, and adds no Content-Length for a stream.
  return reply.code(304).send(method === 'HEAD' ? Readable.from([]) : undefined);
};

/**
 * Admin reads more than others, so no shared cache may answer one with the answer to the other.
 * @param maxAgeSeconds how long a cache may answer with it without a question.
 */
export const setCacheHeaders = (reply: FastifyReply, isAdmin: boolean, maxAgeSeconds = 0): FastifyReply => {
  const others = maxAgeSeconds > 0 ? `public, max-age=${maxAgeSeconds}` : 'no-cache';
  return addVary(reply, 'Authorization').header('cache-control', isAdmin ? 'private, no-cache' : others);
};
