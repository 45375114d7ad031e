import {
  type Claimed,
  type ClaimStatus,
  type Decision,
  type Grant,
  isGrant,
  PROBLEMS,
  type Problem,
  RETRY_AFTER_SECONDS,
} from '@flashclaim/core';
import type { FastifyReply } from 'fastify';
import { NO_SUCH_COUPON, toProblem } from '../problem.ts';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

/** The HTTP status of every decision; one without a status does not compile. */
const DECISION_STATUS: Record<Decision, number> = {
  idempotency_key_reused: PROBLEMS.idempotency_key_reused.status,
  coupon_not_found: PROBLEMS.coupon_not_found.status,
  replayed: 200,
  already_claimed: PROBLEMS.already_claimed.status,
  out_of_stock: PROBLEMS.out_of_stock.status,
  claimed: 200,
};

const DETAILS: Record<Exclude<Decision, Grant>, string> = {
  idempotency_key_reused:
    'This Idempotency-Key belongs to a claim of another user or coupon. Send a new key with a new claim.',
  coupon_not_found: NO_SUCH_COUPON,
  already_claimed: 'Each user can claim one unit of a coupon, and this user holds theirs.',
  out_of_stock: 'Every unit of this coupon is claimed.',
};

const NOTHING_DONE = 'A store was down, or too slow. Nothing was done, and nothing will be. Try again shortly.';
const TRY_WITH_KEY = 'What became of the claim is not known. Try again shortly, with the same Idempotency-Key.';
const TRY_AS_USER =
  'What became of the claim is not known. Try again shortly, as the same user: where the claim stands, the answer is 409. ' +
  'With an Idempotency-Key, every retry with the same key would get the claim itself.';

/** Turns what became of a claim into the answer to its request: prepares the reply and returns its body. */
export const replyToClaim = (
  reply: FastifyReply,
  claim: WaitingClaim,
  answer: Answer,
): Claimed | ClaimStatus | Problem => {
  if (answer === 'pending') return replyPending(reply, claim);
  const keyed = claim.requestId !== undefined;
  if (answer === 'unavailable') return toProblem(reply, 'unavailable', NOTHING_DONE);
  if (answer === 'unknown') {
    const detail = `${keyed ? TRY_WITH_KEY : TRY_AS_USER} GET /api/claims/${claim.id} may know it, too.`;
    return { ...toProblem(reply, 'unavailable', detail), claim_id: claim.id };
  }

  const { decision, claimedAt } = answer;
  if (!isGrant(decision)) return toProblem(reply, decision, DETAILS[decision]);
  const body: Claimed = {
    message: 'coupon claimed successfully',
    claim_id: claim.id,
    user_id: claim.userId,
    coupon_name: claim.couponName,
    claimed_at: new Date(claimedAt).toISOString(),
  };
  if (keyed && decision === 'replayed') reply.header('idempotency-replayed', 'true');
  reply.code(DECISION_STATUS[decision]);
  return body;
};

const replyPending = (reply: FastifyReply, { id, userId, couponName }: WaitingClaim): ClaimStatus => {
  const body: ClaimStatus = {
    claim_id: id,
    status: 'pending',
    code: 'pending',
    user_id: userId,
    coupon_name: couponName,
  };
  reply.code(202).header('location', `/api/claims/${id}`).header('retry-after', RETRY_AFTER_SECONDS);
  return body;
};
