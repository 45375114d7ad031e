import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  ClaimedSchema,
  ClaimRequestSchema,
  ClaimStatusSchema,
  IdempotencyKeySchema,
  normaliseName,
  ProblemSchema,
} from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import { findClaim, rememberPending } from '../claims/pending-claims.ts';
import { replyToClaim } from '../claims/reply.ts';
import { ProblemError } from '../problem.ts';

export const CLAIM_PATH = '/api/coupons/claim';

const HeadersSchema = Type.Object({ 'idempotency-key': Type.Optional(IdempotencyKeySchema) });

const ParamsSchema = Type.Object({ claim_id: Type.String({ minLength: 1, maxLength: 64 }) });

export const claimRoutes: FastifyPluginAsyncTypebox = async (app) => {
  app.post(
    CLAIM_PATH,
    {
      schema: {
        headers: HeadersSchema,
        body: ClaimRequestSchema,
        response: { 200: ClaimedSchema, 202: ClaimStatusSchema, '4xx': ProblemSchema, '5xx': ProblemSchema },
      },
    },
    async (request, reply) => {
      const { user_id, coupon_name } = request.body;
      const key = request.headers['idempotency-key'];
      const claim = app.submitClaim({
        userId: normaliseName(user_id),
        couponName: normaliseName(coupon_name),
        keyed: key === undefined ? undefined : { key, requestId: request.id },
      });
      const answer = await claim.answer;
      if (answer === 'pending') await rememberPending(app, claim);
      return replyToClaim(reply, claim, answer);
    },
  );

  app.get(
    '/api/claims/:claim_id',
    { schema: { params: ParamsSchema, response: { 200: ClaimStatusSchema } } },
    async (request) => {
      const status = await findClaim(app, request.params.claim_id);
      if (!status) throw new ProblemError('not_found', 'No claim that stands or is under way has this id.');
      return status;
    },
  );
};
