import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CLAIMED_BY_MAX, CouponSchema, NameSchema, NewCouponSchema, normaliseName } from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import { CouponReads, toAnswer } from '../coupons/coupon-reads.ts';
import { createCoupon } from '../coupons/create-coupon.ts';
import { requireOrder } from '../coupons/problem-of-change.ts';
import { sendCoupon, sendUnlessKnown, setCacheHeaders } from '../coupons/send-coupon.ts';
import { COUPON_ANSWER, COUPON_CREATED_ANSWER, TO_COUPON, UNCHANGED_ANSWER } from '../http/openapi/answers.ts';
import { NO_SUCH_COUPON, PROBLEM_RESPONSES, ProblemError } from '../http/problem.ts';
import { readQuery } from '../http/read-query.ts';

const LimitSchema = Type.Integer({
  minimum: 0,
  maximum: CLAIMED_BY_MAX,
  default: CLAIMED_BY_MAX,
  description: 'How many users claimed_by contains at most.',
});

const ReadHeadersSchema = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETags of earlier answers, or `*` for any.' })),
});

export interface CouponRoutesOptions {
  /** How long caches may answer with a coupon that has no `claimed_by`. */
  maxAgeSeconds: number;
}

export const couponRoutes: FastifyPluginAsyncTypebox<CouponRoutesOptions> = async (app, { maxAgeSeconds }) => {
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
      requireOrder(request.body);
      const coupon = await app.stores.mongo.answer(() => createCoupon(app.mongo, request.body));
      if (!coupon) throw new ProblemError('name_taken', 'Choose another name. The existing coupon was not changed.');
      reply.code(201).header('location', `/api/coupons/${encodeURIComponent(coupon.name)}`);
      setCacheHeaders(reply, app.hasAdminToken(request));
      return sendCoupon(reply, toAnswer({ coupon, next: undefined }));
    },
  );

  app.get(
    '/api/coupons/:name',
    {
      preValidation: readQuery('limit'),
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
      setCacheHeaders(reply, isAdmin, usersMax === undefined ? maxAgeSeconds : 0);
      return sendUnlessKnown(request, reply, answer);
    },
  );
};
