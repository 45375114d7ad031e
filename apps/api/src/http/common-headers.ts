import type { FastifyReply } from 'fastify';

/** The same in every answer. Answers that may be stored, such as coupons and pages, replace `cache-control`. */
export const COMMON_HEADERS = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' } as const;

/** Sets the headers of every answer, and the id of the request. One by one, because every claim passes here. */
export const setCommonHeaders = (reply: FastifyReply): FastifyReply =>
  reply
    .header('x-request-id', reply.request.id)
    .header('x-content-type-options', COMMON_HEADERS['x-content-type-options'])
    .header('cache-control', COMMON_HEADERS['cache-control']);
