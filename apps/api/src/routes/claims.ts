import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import {
  ClaimRequestSchema,
  ClaimStatusSchema,
  IdempotencyKeySchema,
  normaliseName,
  type ProblemCode,
  readIdempotencyKey,
} from '@flashclaim/core';
import { Type } from '@sinclair/typebox';
import { preferenceApplied, readPrefer } from '../claims/prefer.ts';
import { replyToClaim } from '../claims/reply.ts';
import { WaitingClaim } from '../claims/waiting-claim.ts';
import { CLAIM_STATUS_ANSWER, CLAIMED_ANSWER, PENDING_ANSWER, TO_CLAIM } from '../http/openapi/answers.ts';
import { CLAIM_NOT_FOUND, NO_SUCH_CLAIM, PROBLEM_RESPONSES, ProblemError } from '../http/problem.ts';

export const CLAIM_PATH = '/api/coupons/claim';

const HeadersSchema = Type.Object({
  'idempotency-key': Type.Optional(IdempotencyKeySchema),
  prefer: Type.Optional(
    Type.String({
      description:
        'RFC 7240. `wait=N` waits N seconds at most, if that is less than the API would; `respond-async` does not wait. ' +
        'A claim that is not decided by then is answered 202. Preference-Applied lists the preferences that were applied.',
    }),
  ),
});

/** The problems that an admitted claim may be answered with. */
const AFTER_WAITING: readonly ProblemCode[] = [
  'out_of_stock',
  'coupon_not_found',
  'claim_released',
  'already_claimed',
  'sale_not_open',
  'idempotency_key_reused',
  'unavailable',
];

export const ClaimParamsSchema = Type.Object({
  claim_id: Type.String({ minLength: 1, maxLength: 64, description: 'From the answer to the claim.' }),
});

export const claimRoutes: FastifyPluginAsyncTypebox<{ waitMs: number }> = async (app, { waitMs }) => {
  const mayTrace = app.log.level === 'trace';
  app.post(
    CLAIM_PATH,
    {
      // Cheapest first: only the last two need the body.
      onRequest: [app.loadShedder.onRequest, ...app.addressLimit, ...app.claimAccess.authenticate],
      preValidation: app.claimAccess.fillUser,
      preHandler: [...app.claimAccess.matchUser, ...app.userLimit],
      links: { 200: TO_CLAIM, 202: TO_CLAIM },
      schema: {
        operationId: 'claimCoupon',
        tags: ['claims'],
        summary: 'Claim a unit',
        headers: HeadersSchema,
        body: ClaimRequestSchema,
        response: { 200: ClaimStatusSchema, 202: ClaimStatusSchema, ...PROBLEM_RESPONSES },
        answers: { 200: CLAIMED_ANSWER, 202: PENDING_ANSWER },
        access: ['claim'],
        problems: [...AFTER_WAITING, 'unauthorized', 'user_mismatch', 'rate_limited', 'overloaded'],
        problemHeaders: { 'preference-applied': AFTER_WAITING },
      },
    },
    async (request, reply) => {
      const { user_id, coupon_name } = request.body;
      const { 'idempotency-key': key, prefer } = request.headers;
      const preferred = prefer === undefined ? undefined : readPrefer(prefer, waitMs);
      const claim = app.claimPath.submit({
        userId: normaliseName(user_id),
        couponName: normaliseName(coupon_name),
        keyed: key === undefined ? undefined : { key: readIdempotencyKey(key), requestId: request.id },
        waitMs: preferred?.waitMs,
      });
      if (!(claim instanceof WaitingClaim)) return app.loadShedder.reject(request, reply, claim);
      if (mayTrace) app.log.trace({ request_id: request.id, claim: claim.id }, 'claim submitted');
      const answer = await app.claimPath.answer(claim);
      const applied = preferred && preferenceApplied(preferred, answer === 'pending');
      if (applied) reply.header('preference-applied', applied);
      return replyToClaim(reply, claim, answer);
    },
  );

  app.get(
    '/api/claims/:claim_id',
    {
      onRequest: app.claimAccess.authenticateReader,
      schema: {
        operationId: 'getClaim',
        tags: ['claims'],
        summary: 'The status of a claim',
        params: ClaimParamsSchema,
        response: { 200: ClaimStatusSchema, ...PROBLEM_RESPONSES },
        answers: { 200: CLAIM_STATUS_ANSWER },
        access: ['reader'],
        problems: ['invalid_request', 'unauthorized', 'not_found', 'overloaded', 'unavailable'],
      },
    },
    async ({ params, claimUser }) => {
      const status = await app.claimPath.status(params.claim_id);
      // A user learns nothing of the claims of others, not even that they exist.
      const isOwn = claimUser === undefined || status?.user_id === claimUser;
      if (!status || !isOwn) throw new ProblemError('not_found', NO_SUCH_CLAIM, CLAIM_NOT_FOUND);
      return status;
    },
  );
};
