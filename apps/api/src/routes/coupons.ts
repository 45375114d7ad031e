import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CLAIMED_BY_MAX, CouponSchema, NameSchema, NewCouponSchema, normaliseName } from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type CouponAnswer, CouponReads, toAnswer } from '../coupons/coupon-reads.ts';
import { createCoupon } from '../coupons/create-coupon.ts';
import { matchesTag } from '../http/matches-tag.ts';
import { COUPON_ANSWER, COUPON_CREATED_ANSWER, TO_COUPON, UNCHANGED_ANSWER } from '../http/openapi/answers.ts';
import { NO_SUCH_COUPON, PROBLEM_RESPONSES, ProblemError } from '../http/problem.ts';
import { readIntegers } from '../http/read-integers.ts';

const LimitSchema = Type.Integer({
  minimum: 0,
  maximum: CLAIMED_BY_MAX,
  default: CLAIMED_BY_MAX,
  description: 'How many users claimed_by contains at most.',
});

/** Answers 200 with the coupon, or 304 where the caller has it. */
const sendCoupon = ({ method, headers }: FastifyRequest, reply: FastifyReply, { body, etag }: CouponAnswer) => {
  reply.header('etag', etag);
  if (!matchesTag(headers['if-none-match'], etag)) return reply.type(JSON_TYPE).send(body);
  // Fastify's own hook for HEAD needs a payload, and adds no Content-Length for a stream.
  return reply.code(304).send(method === 'HEAD' ? Readable.from([]) : undefined);
};

const JSON_TYPE = 'application/json; charset=utf-8';

const ReadHeadersSchema = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETags of earlier answers, or `*` for any.' })),
});

export const couponRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const reads = new CouponReads({ mongo: app.mongo, mongoWatch: app.stores.mongo });

  app.post(
    '/api/coupons',
    {
      onRequest: app.requireAdmin,
      links: { 201: TO_COUPON },
      schema: {
        operationId: 'createCoupon',
        tags: ['coupons'],
        summary: 'Create a coupon',
        body: NewCouponSchema,
        response: { 201: CouponSchema, ...PROBLEM_RESPONSES },
        answers: { 201: COUPON_CREATED_ANSWER },
        access: ['admin'],
        problems: ['unauthorized', 'host_not_allowed', 'name_taken', 'rate_limited', 'unavailable'],
      },
    },
    async (request, reply) => {
      const coupon = await app.stores.mongo.answer(() => createCoupon(app.mongo, request.body));
      if (!coupon) throw new ProblemError('name_taken', 'Choose another name. The existing coupon was not changed.');
      const { body, etag } = toAnswer(coupon);
      reply
        .code(201)
        .header('location', `/api/coupons/${encodeURIComponent(coupon.name)}`)
        .header('etag', etag);
      return setCacheHeaders(reply, app.hasAdminToken(request)).type(JSON_TYPE).send(body);
    },
  );

  app.get(
    '/api/coupons/:name',
    {
      preValidation: readIntegers('limit'),
      schema: {
        operationId: 'getCoupon',
        tags: ['coupons'],
        summary: 'Read a coupon',
        params: Type.Object({ name: NameSchema }),
        querystring: Type.Object({ limit: Type.Optional(LimitSchema) }),
        headers: ReadHeadersSchema,
        response: { 200: CouponSchema, ...PROBLEM_RESPONSES },
        answers: { 200: COUPON_ANSWER, 304: UNCHANGED_ANSWER },
        access: ['anybody', 'admin'],
        problems: ['invalid_request', 'coupon_not_found', 'unavailable'],
      },
    },
    async (request, reply) => {
      const { limit = CLAIMED_BY_MAX } = request.query;
      const isAdmin = app.hasAdminToken(request);
      const usersMax = app.isAdminOpen || isAdmin ? limit : undefined;
      const answer = await reads.read(normaliseName(request.params.name), usersMax);
      if (!answer) throw new ProblemError('coupon_not_found', NO_SUCH_COUPON);
      setCacheHeaders(reply, isAdmin);
      return sendCoupon(request, reply, answer);
    },
  );
};

/** Admin reads more than others, so no shared cache may answer one with the answer to the other. */
const setCacheHeaders = (reply: FastifyReply, isAdmin: boolean): FastifyReply => {
  const others = reply.getHeader('vary');
  reply.header('vary', others === undefined ? 'Authorization' : `${others}, Authorization`);
  return reply.header('cache-control', isAdmin ? 'private, no-cache' : 'no-cache');
};
