import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { ClaimStatusSchema } from '@flashclaim/core';
import { replyToRelease } from '../claims/reply.ts';
import { WaitingClaim } from '../claims/waiting-claim.ts';
import { RELEASE_PENDING_ANSWER, RELEASED_ANSWER, TO_CLAIM } from '../http/openapi/answers.ts';
import { CLAIM_NOT_FOUND, NO_SUCH_CLAIM, PROBLEM_RESPONSES, ProblemError, toProblem } from '../http/problem.ts';
import { ClaimParamsSchema } from './claims.ts';

export const releaseRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.delete(
    '/api/claims/:claim_id',
    {
      onRequest: app.claimAccess.authenticateRelease,
      links: { 202: TO_CLAIM },
      schema: {
        operationId: 'releaseClaim',
        tags: ['claims'],
        summary: 'Release a claim',
        description: 'Returns the unit to the coupon, once. The user may claim again. To repeat it is harmless.',
        params: ClaimParamsSchema,
        response: { 200: ClaimStatusSchema, 202: ClaimStatusSchema, ...PROBLEM_RESPONSES },
        answers: { 200: RELEASED_ANSWER, 202: RELEASE_PENDING_ANSWER },
        access: ['admin', 'claim'],
        problems: [
          'invalid_request',
          'unauthorized',
          'host_not_allowed',
          'not_found',
          'claim_pending',
          'rate_limited',
          'overloaded',
          'unavailable',
        ],
      },
    },
    async (request, reply) => {
      const status = await app.claimPath.status(request.params.claim_id);
      if (status?.status === 'pending') {
        reply.header('retry-after', 1);
        return toProblem(reply, 'claim_pending', 'The claim is not decided yet. Release it once it is.');
      }
      if (!status || status.status === 'refused')
        throw new ProblemError(
          'not_found',
          status ? 'This claim was refused: it has no unit.' : NO_SUCH_CLAIM,
          CLAIM_NOT_FOUND,
        );
      if (status.status === 'released') return status;
      const { claim_id: id, user_id: userId, coupon_name: couponName } = status;
      const claim = app.claimPath.release({ id, userId, couponName });
      if (!(claim instanceof WaitingClaim)) return app.loadShedder.reject(request, reply, claim);
      return replyToRelease(reply, status, claim, await app.claimPath.answer(claim));
    },
  );
};
