import { Readable } from 'node:stream';
import etag from '@fastify/etag';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { CLAIMED_BY_MAX, CouponSchema, NameSchema, NewCouponSchema, normaliseName } from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { createCoupon } from '../coupons/create-coupon.ts';
import { readCoupon } from '../coupons/read-coupon.ts';
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

/** Not null for HEAD: Fastify's own hook for HEAD, which runs later, needs a payload, and adds no Content-Length for a stream. */
const noBody = ({ method }: FastifyRequest): Readable | null => (method === 'HEAD' ? Readable.from([]) : null);

const ReadHeadersSchema = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETags of earlier answers, or `*` for any.' })),
});

export const couponRoutes: FastifyPluginAsyncTypebox = async (app) => {
  // The plugin itself knows neither `*` nor lists of tags, and its 304 would have a Content-Length.
  await app.register(etag, { weak: true, replyWith304: false });
  app.addHook('onSend', (request, reply, payload, done) => {
    // The plugin tags every answer, but the tag of a problem says nothing about the coupon.
    if (reply.statusCode >= 400) reply.removeHeader('etag');
    else setCacheHeaders(reply, app.hasAdminToken(request));
    const isUnchanged =
      reply.statusCode === 200 && matchesTag(request.headers['if-none-match'], reply.getHeader('etag'));
    if (isUnchanged) reply.code(304).removeHeader('content-type');
    done(null, isUnchanged ? noBody(request) : payload);
  });

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
      reply.code(201).header('location', `/api/coupons/${encodeURIComponent(coupon.name)}`);
      return coupon;
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
    async (request) => {
      const { limit = CLAIMED_BY_MAX } = request.query;
      const name = normaliseName(request.params.name);
      const usersMax = app.isAdminOpen || app.hasAdminToken(request) ? limit : undefined;
      const coupon = await app.stores.mongo.answer(() => readCoupon(app.mongo, name, usersMax));
      if (!coupon) throw new ProblemError('coupon_not_found', NO_SUCH_COUPON);
      return coupon;
    },
  );
};

/** Admin reads more than others, so no shared cache may answer one with the answer to the other. */
const setCacheHeaders = (reply: FastifyReply, isAdmin: boolean): void => {
  const others = reply.getHeader('vary');
  reply.header('vary', others === undefined ? 'Authorization' : `${others}, Authorization`);
  reply.header('cache-control', isAdmin ? 'private, no-cache' : 'no-cache');
};
