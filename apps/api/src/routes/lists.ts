import { Readable } from 'node:stream';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  ClaimListSchema,
  CouponListSchema,
  LIST_LIMIT_DEFAULT,
  ListedStatusSchema,
  NamePrefixSchema,
  NameSchema,
  normaliseName,
  PAGE_PARAMETERS,
  type ProblemCode,
  type RequestFault,
} from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import type { FastifyReply } from 'fastify';
import { findCouponId, listClaimsOfCoupon } from '../claims/lists/claims-of-coupon.ts';
import { listClaimsOfUser } from '../claims/lists/claims-of-user.ts';
import { EXPORT_FORMATS, type ExportType } from '../claims/lists/export-formats.ts';
import { Exports } from '../claims/lists/exports.ts';
import { listCoupons } from '../coupons/list-coupons.ts';
import { addVary } from '../http/add-vary.ts';
import { negotiate } from '../http/negotiate.ts';
import { CLAIM_LIST_ANSWER, COUPON_LIST_ANSWER, USER_CLAIMS_ANSWER } from '../http/openapi/answers.ts';
import { NO_SUCH_COUPON, PROBLEM_RESPONSES, ProblemError } from '../http/problem.ts';
import { readQuery } from '../http/read-query.ts';

export const COUPON_CLAIMS_PATH = '/api/coupons/:name/claims';

const LIST_PROBLEMS: readonly ProblemCode[] = [
  'invalid_request',
  'unauthorized',
  'host_not_allowed',
  'rate_limited',
  'unavailable',
];

export const listRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { mongo, stores } = app;
  const exports = new Exports({ mongo, mongoWatch: stores.mongo, stopSignal: app.stopSignal });

  app.get(
    '/api/coupons',
    {
      onRequest: app.requireAdmin,
      preValidation: readQuery('limit'),
      schema: {
        operationId: 'listCoupons',
        tags: ['coupons'],
        summary: 'List coupons by name',
        querystring: Type.Object({ q: Type.Optional(NamePrefixSchema), ...PAGE_PARAMETERS }),
        response: { 200: CouponListSchema, ...PROBLEM_RESPONSES },
        answers: { 200: COUPON_LIST_ANSWER },
        access: ['admin'],
        problems: LIST_PROBLEMS,
      },
    },
    ({ query: { q = '', limit = LIST_LIMIT_DEFAULT, after } }) =>
      stores.mongo.answer(() => listCoupons(mongo, { prefix: normaliseName(q), limit, after })),
  );

  app.get(
    COUPON_CLAIMS_PATH,
    {
      onRequest: app.requireAdmin,
      preValidation: readQuery('limit'),
      schema: {
        operationId: 'listCouponClaims',
        tags: ['claims'],
        summary: 'List or export the claims of a coupon',
        params: Type.Object({ name: NameSchema }),
        querystring: Type.Object({ status: Type.Optional(ListedStatusSchema), ...PAGE_PARAMETERS }),
        response: { 200: ClaimListSchema, ...PROBLEM_RESPONSES },
        answers: { 200: CLAIM_LIST_ANSWER },
        access: ['admin'],
        problems: [...LIST_PROBLEMS, 'coupon_not_found', 'overloaded'],
      },
    },
    async ({ method, headers, params, query }, reply) => {
      const type = negotiate(headers.accept, ['application/json', ...EXPORT_TYPES]);
      if (type !== 'application/json') refusePaging(query);
      const couponId = await stores.mongo.answer(() => findCouponId(mongo, normaliseName(params.name)));
      if (!couponId) throw new ProblemError('coupon_not_found', NO_SUCH_COUPON);
      const { status, limit = LIST_LIMIT_DEFAULT, after } = query;
      if (type === 'application/json') {
        const page = await stores.mongo.answer(() => listClaimsOfCoupon(mongo, couponId, { status, limit, after }));
        addVary(reply, 'Accept');
        return page;
      }
      const format = EXPORT_FORMATS[type];
      // Fastify would read the whole stream of a HEAD, and drop it.
      const stream = method === 'HEAD' ? Readable.from([]) : exports.start(reply.raw, { couponId, status, format });
      addVary(reply, 'Accept').type(format.contentType);
      return sendStream(reply, stream);
    },
  );

  app.get(
    '/api/users/:user_id/claims',
    {
      onRequest: app.requireAdmin,
      preValidation: readQuery('limit'),
      schema: {
        operationId: 'listUserClaims',
        tags: ['claims'],
        summary: 'List the claims of a user',
        params: Type.Object({ user_id: NameSchema }),
        querystring: Type.Object(PAGE_PARAMETERS),
        response: { 200: ClaimListSchema, ...PROBLEM_RESPONSES },
        answers: { 200: USER_CLAIMS_ANSWER },
        access: ['admin'],
        problems: LIST_PROBLEMS,
      },
    },
    ({ params, query: { limit = LIST_LIMIT_DEFAULT, after } }) =>
      stores.mongo.answer(() => listClaimsOfUser(mongo, { userId: normaliseName(params.user_id), limit, after })),
  );
};

const EXPORT_TYPES = Object.keys(EXPORT_FORMATS) as ExportType[];

/** The serialiser of the route is for pages, and so is the type of its answer. */
const sendStream = (reply: FastifyReply, stream: Readable): FastifyReply => reply.send(stream);

/** An export is the whole list. @throws ProblemError where the caller asks for a page of it. */
const refusePaging = (query: { limit?: number; after?: string }): void => {
  const errors: RequestFault[] = (['limit', 'after'] as const)
    .filter((name) => query[name] !== undefined)
    .map((name) => ({ parameter: name, detail: `${name} is for pages: an export is the whole list.` }));
  const [first] = errors;
  if (first) throw new ProblemError('invalid_request', first.detail, { errors });
};
