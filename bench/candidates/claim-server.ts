import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  BODY_MAX_BYTES,
  CLAIMED_MESSAGE,
  ClaimRequestSchema,
  type ClaimStatus,
  ClaimStatusSchema,
  isName,
} from '@flashclaim/core';
import fastify from 'fastify';
import { setting } from '../env.ts';

/** The decision of a candidate on a claim. */
export type Decision = ClaimStatus | { refused: string; status: number };

/**
 * The HTTP part of all candidates except Flashclaim: the same schemas and rules for bodies, and nothing else.
 * Everything that Flashclaim adds (request ids, time limits, problem details) counts against Flashclaim.
 */
export const serveClaims = async (decide: (userId: string, couponName: string) => Decision | Promise<Decision>) => {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, formats: { name: isName } } },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    '/api/coupons/claim',
    { schema: { body: ClaimRequestSchema, response: { 200: ClaimStatusSchema } } },
    async (request, reply) => {
      const decision = await decide(request.body.user_id, request.body.coupon_name);
      if (!('refused' in decision)) return decision;
      // Only the status 200 has a schema.
      return (reply as { code(status: number): typeof reply })
        .code(decision.status)
        .send({ code: decision.refused } as never);
    },
  );
  app.get('/health', async () => ({ status: 'ok' }));
  await app.listen({ host: '127.0.0.1', port: Number(setting('PORT')) });
};

export const claimed = (claimId: string, userId: string, couponName: string, at: Date): ClaimStatus => ({
  message: CLAIMED_MESSAGE,
  claim_id: claimId,
  status: 'claimed',
  code: 'claimed',
  user_id: userId,
  coupon_name: couponName,
  claimed_at: at.toISOString(),
});
