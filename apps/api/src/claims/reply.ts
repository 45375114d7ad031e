import { CLAIMED_MESSAGE, type ClaimStatus, type Decision, type Grant, isGrant, type Problem } from '@flashclaim/core';
import type { FastifyReply } from 'fastify';
import { NO_SUCH_COUPON, toProblem } from '../http/problem.ts';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

/** `Retry-After` of a 202. */
const RETRY_AFTER_SECONDS = 1;

/** What each refusal tells the caller. The HTTP status is that of the problem: a refusal without one does not compile. */
const REFUSAL_DETAILS: Record<Exclude<Decision, Grant>, string> = {
  idempotency_key_reused:
    'This Idempotency-Key belongs to a claim of this user on another coupon. Send a new claim with a new key.',
  coupon_not_found: NO_SUCH_COUPON,
  already_claimed: 'Each user can claim one unit of a coupon, and this user holds one already.',
  out_of_stock: 'All units of this coupon are claimed.',
};

const NOTHING_DONE = 'A store was down or too slow. Nothing was done, and nothing will be. Try again shortly.';
const RETRY_WITH_KEY = 'The claim may be granted or not. Try again shortly with the same Idempotency-Key.';
const RETRY_AS_USER =
  'The claim may be granted or not. Try again shortly with the same user: if the claim was granted, the answer is 409. ' +
  'With an Idempotency-Key, the answer to a retry is the claim itself.';

/** Prepares the reply to a claim request, and returns its body. */
export const replyToClaim = (reply: FastifyReply, claim: WaitingClaim, answer: Answer): ClaimStatus | Problem => {
  const isKeyed = claim.requestId !== undefined;
  if (answer === 'pending') return replyPending(reply, claim);
  if (answer === 'unavailable') return toProblem(reply, 'unavailable', NOTHING_DONE);
  if (answer === 'unknown') {
    const detail = `${isKeyed ? RETRY_WITH_KEY : RETRY_AS_USER} GET /api/claims/${claim.id} may also tell.`;
    return { ...toProblem(reply, 'unavailable', detail), done: 'unknown', claim_id: claim.id };
  }

  const { decision, claimedAt } = answer;
  if (!isGrant(decision)) return toProblem(reply, decision, REFUSAL_DETAILS[decision]);
  if (isKeyed && decision === 'replayed') reply.header('idempotency-replayed', 'true');
  reply.code(200);
  return {
    message: CLAIMED_MESSAGE,
    claim_id: claim.id,
    status: 'claimed',
    code: 'claimed',
    user_id: claim.userId,
    coupon_name: claim.couponName,
    claimed_at: new Date(claimedAt).toISOString(),
  };
};

const replyPending = (reply: FastifyReply, { id, userId, couponName }: WaitingClaim): ClaimStatus => {
  reply.code(202).header('location', `/api/claims/${id}`).header('retry-after', RETRY_AFTER_SECONDS);
  return { claim_id: id, status: 'pending', code: 'pending', user_id: userId, coupon_name: couponName };
};
