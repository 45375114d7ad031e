import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CouponChangeSchema, CouponSchema, NameSchema, normaliseName, type ProblemCode } from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import { CouponChanges } from '../coupons/change-coupon.ts';
import { toAnswer } from '../coupons/coupon-reads.ts';
import { problemOfChange, requireOrder } from '../coupons/problem-of-change.ts';
import { toCoupon } from '../coupons/read-coupon.ts';
import { sendCoupon, setCacheHeaders } from '../coupons/send-coupon.ts';
import { COUPON_CHANGED_ANSWER } from '../http/openapi/answers.ts';
import { PROBLEM_RESPONSES } from '../http/problem.ts';

const PROBLEMS_OF_CHANGE: readonly ProblemCode[] = [
  'unauthorized',
  'host_not_allowed',
  'coupon_not_found',
  'amount_below_claimed',
  'version_conflict',
  'rate_limited',
  'unavailable',
];

export const couponSettingsRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const changes = new CouponChanges(app.mongo);

  app.patch(
    '/api/coupons/:name',
    {
      onRequest: app.requireAdmin,
      schema: {
        operationId: 'changeCoupon',
        tags: ['coupons'],
        summary: 'Change the settings of a coupon',
        params: Type.Object({ name: NameSchema }),
        body: CouponChangeSchema,
        response: { 200: CouponSchema, ...PROBLEM_RESPONSES },
        answers: { 200: COUPON_CHANGED_ANSWER },
        access: ['admin'],
        problems: PROBLEMS_OF_CHANGE,
      },
    },
    async (request, reply) => {
      requireOrder(request.body);
      const name = normaliseName(request.params.name);
      const ended = new AbortController();
      const change = await app.stores.mongo
        .answer(() => changes.change(name, request.body, ended.signal))
        .finally(() => ended.abort());
      if (change.outcome !== 'changed' && change.outcome !== 'unchanged') throw problemOfChange(change);
      setCacheHeaders(reply, app.hasAdminToken(request));
      return sendCoupon(reply, toAnswer({ coupon: toCoupon(change.coupon, undefined), next: undefined }));
    },
  );
};
