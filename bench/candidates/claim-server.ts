import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { BODY_MAX_BYTES, type Claimed, ClaimedSchema, ClaimRequestSchema, isName } from '@flashclaim/core';
import fastify from 'fastify';
import { setting } from '../env.ts';

/** What a candidate says to a claim. */
export type Said = Claimed | { refused: string; status: number };

/**
 * The HTTP side that all candidates but Flashclaim share: its schemas and its rules for bodies, and nothing else.
 * Whatever Flashclaim adds (request ids, time limits, problem details) counts against Flashclaim.
 */
export const serveClaims = async (decide: (userId: string, couponName: string) => Said | Promise<Said>) => {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_MAX_BYTES,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, formats: { name: isName } } },
  }).withTypeProvider<TypeBoxTypeProvider>();

  app.post(
    '/api/coupons/claim',
    { schema: { body: ClaimRequestSchema, response: { 200: ClaimedSchema } } },
    async (request, reply) => {
      const said = await decide(request.body.user_id, request.body.coupon_name);
      if (!('refused' in said)) return said;
      // The status is one that has no schema: only a claim has.
      return (reply as { code(status: number): typeof reply }).code(said.status).send({ code: said.refused } as never);
    },
  );
  app.get('/health', async () => ({ status: 'ok' }));
  await app.listen({ host: '127.0.0.1', port: Number(setting('PORT')) });
};

export const claimed = (claimId: string, userId: string, couponName: string, at: Date): Claimed => ({
  message: 'coupon claimed successfully',
  claim_id: claimId,
  user_id: userId,
  coupon_name: couponName,
  claimed_at: at.toISOString(),
});
