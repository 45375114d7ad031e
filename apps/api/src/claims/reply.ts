import {
  type ClaimDecision,
  type ClaimStatus,
  type Grant,
  isClosedReason,
  isGrant,
  isReleaseDecision,
  type Problem,
} from '@flashclaim/core';
import type { FastifyReply } from 'fastify';
import { CLAIM_NOT_FOUND, NO_SUCH_CLAIM, NO_SUCH_COUPON, toProblem } from '../http/problem.ts';
import { toExistingStatus } from './existing-status.ts';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

/** `Retry-After` of an answer that says that a claim is pending. */
export const PENDING_RETRY_SECONDS = 1;

/** What each refusal tells the caller. The HTTP status is that of the problem: a refusal without one does not compile. */
const REFUSAL_DETAILS: Record<Exclude<ClaimDecision, Grant>, string> = {
  idempotency_key_reused:
    'This Idempotency-Key belongs to a claim of this user on another coupon. Send a new claim with a new key.',
  coupon_not_found: NO_SUCH_COUPON,
  claim_released: 'The claim of this Idempotency-Key was released. Send a new claim with a new key.',
  already_claimed: 'Each user can claim one unit of a coupon, and this user holds one already.',
  ended: 'The sale of this coupon has ended.',
  paused: 'The sale of this coupon is paused.',
  not_started: 'The sale of this coupon has not started.',
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
    return toProblem(reply, 'unavailable', detail, { done: 'unknown', claim_id: claim.id });
  }

  const { decision } = answer;
  // A lane decides a claim by an outcome of claims only.
  if (isReleaseDecision(decision)) throw new Error(`a claim was decided as ${decision}`);
  if (isClosedReason(decision))
    return toProblem(reply, 'sale_not_open', REFUSAL_DETAILS[decision], { reason: decision });
  if (!isGrant(decision)) return toProblem(reply, decision, REFUSAL_DETAILS[decision]);
  if (isKeyed && decision === 'replayed') reply.header('idempotency-replayed', 'true');
  reply.code(200);
  return toExistingStatus(unitOf(claim, answer));
};

const replyPending = (reply: FastifyReply, { id, userId, couponName }: WaitingClaim): ClaimStatus => {
  setPending(reply, id);
  return { claim_id: id, status: 'pending', code: 'pending', user_id: userId, coupon_name: couponName };
};

const setPending = (reply: FastifyReply, claimId: string): void => {
  reply.code(202).header('location', `/api/claims/${claimId}`).header('retry-after', PENDING_RETRY_SECONDS);
};

/** A grant or a release has a unit. */
const unitOf = ({ id, userId, couponName }: WaitingClaim, { sequence, claimedAt, endedAt }: Decided) => ({
  id,
  userId,
  couponName,
  sequence: sequence as number,
  claimedAt: claimedAt as number,
  endedAt,
});

type Decided = Extract<Answer, object>;

const RELEASE_UNKNOWN =
  'The claim may be released or not. Send the same request again: to repeat a release is harmless.';

/** Prepares the reply to the release of an existing claim, and returns its body. */
export const replyToRelease = (
  reply: FastifyReply,
  status: ClaimStatus,
  claim: WaitingClaim,
  answer: Answer,
): ClaimStatus | Problem => {
  if (answer === 'pending') {
    setPending(reply, claim.id);
    return status;
  }
  if (answer === 'unavailable') return toProblem(reply, 'unavailable', NOTHING_DONE);
  if (answer === 'unknown')
    return toProblem(reply, 'unavailable', RELEASE_UNKNOWN, { done: 'unknown', claim_id: claim.id });
  if (answer.decision !== 'released') return toProblem(reply, 'not_found', NO_SUCH_CLAIM, CLAIM_NOT_FOUND);
  reply.code(200);
  return toExistingStatus(unitOf(claim, answer));
};
