import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { ClaimStatusSchema } from '@flashclaim/core';
import type { FastifyRequest } from 'fastify';
import { releaseClaim } from '../claims/release-claim.ts';
import { RELEASE_PENDING_ANSWER, RELEASED_ANSWER, TO_CLAIM } from '../http/openapi/answers.ts';
import { invalidRequest, PROBLEM_RESPONSES } from '../http/problem.ts';
import { ClaimParamsSchema } from './claims.ts';

/** Some HTTP libraries send a `Content-Type` with every request. Fastify would then ask for a body. */
const ignoreTypeWithoutBody = async ({ raw: { headers } }: FastifyRequest): Promise<void> => {
  const isEmpty = headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
  if (isEmpty) delete headers['content-type'];
};

/** Otherwise a field such as `quantity` would be ignored. */
const refuseFields = async ({ body }: FastifyRequest): Promise<void> => {
  if (body && Object.keys(body).length > 0)
    throw invalidRequest('A release has no fields: send no body, or an empty object.', { pointer: '#' });
};

export const releaseRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.delete(
    '/api/claims/:claim_id',
    {
      onRequest: [...app.claimAccess.authenticateRelease, ignoreTypeWithoutBody],
      preHandler: refuseFields,
      links: { 202: TO_CLAIM },
      schema: {
        operationId: 'releaseClaim',
        tags: ['claims'],
        summary: 'Release a claim',
        description: 'Returns the unit to the coupon, once. The user may claim again. To repeat it is harmless.',
        params: ClaimParamsSchema,
        response: { 200: ClaimStatusSchema, 202: ClaimStatusSchema, ...PROBLEM_RESPONSES },
        answers: { 200: RELEASED_ANSWER, 202: RELEASE_PENDING_ANSWER },
        access: ['admin', 'key'],
        problems: [
          'invalid_request',
          'unauthorized',
          'host_not_allowed',
          'not_found',
          'claim_pending',
          // A body is not needed, but read where there is one.
          'payload_too_large',
          'unsupported_media_type',
          'rate_limited',
          'overloaded',
          'unavailable',
        ],
        problemHeaders: { 'retry-after': ['claim_pending'] },
      },
    },
    (request, reply) =>
      releaseClaim(reply, app.claimPath, request.params.claim_id, (rejection) =>
        app.loadShedder.reject(request, reply, rejection),
      ),
  );
};
