import etag from '@fastify/etag';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CLAIMED_BY_MAX, CouponSchema, NameSchema, NewCouponSchema, normaliseName } from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import { createCoupon } from '../coupons/create-coupon.ts';
import { readCoupon } from '../coupons/read-coupon.ts';
import { NO_SUCH_COUPON, ProblemError } from '../problem.ts';

const LimitSchema = Type.String({
  pattern: '^(\\d{1,3}|1000)$',
  description: `How many users claimed_by lists, 0 to ${CLAIMED_BY_MAX}.`,
});

export const couponRoutes: FastifyPluginAsyncTypebox = async (app) => {
  await app.register(etag, { weak: true });

  app.post(
    '/api/coupons',
    { onRequest: app.requireAdmin, schema: { body: NewCouponSchema, response: { 201: CouponSchema } } },
    async (request, reply) => {
      const coupon = await createCoupon(app.mongo, request.body);
      reply.code(201).header('location', `/api/coupons/${encodeURIComponent(coupon.name)}`);
      return coupon;
    },
  );

  app.get(
    '/api/coupons/:name',
    {
      schema: {
        params: Type.Object({ name: NameSchema }),
        querystring: Type.Object({ limit: Type.Optional(LimitSchema) }),
        response: { 200: CouponSchema },
      },
    },
    async (request) => {
      const limit = Number(request.query.limit ?? CLAIMED_BY_MAX);
      const coupon = await readCoupon(app.mongo, normaliseName(request.params.name), limit);
      if (!coupon) throw new ProblemError('coupon_not_found', NO_SUCH_COUPON);
      return coupon;
    },
  );
};
