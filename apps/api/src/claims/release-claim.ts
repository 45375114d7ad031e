import type { ClaimStatus, Problem } from '@flashclaim/core';
import type { FastifyReply } from 'fastify';
import { CLAIM_NOT_FOUND, NO_SUCH_CLAIM, toProblem } from '../http/problem.ts';
import type { Rejection } from './admission/admission-control.ts';
import type { ClaimPath } from './claim-path.ts';
import { PENDING_RETRY_SECONDS, replyToRelease } from './reply.ts';
import { WaitingClaim } from './waiting-claim.ts';

const NO_UNIT = 'The claim was refused, so it has no unit to release.';

/**
 * Releases the claim with this id, prepares the reply, and resolves to its body.
 *
 * The status says what to do: a claim that has a unit goes through its lane, where the release is decided. A status is final, so
 * nothing else needs a decision.
 * @param reject replies where the release is not admitted.
 */
export const releaseClaim = async (
  reply: FastifyReply,
  claimPath: ClaimPath,
  claimId: string,
  reject: (rejection: Rejection) => Problem,
): Promise<ClaimStatus | Problem> => {
  const status = await claimPath.status(claimId);
  if (!status) return toProblem(reply, 'not_found', NO_SUCH_CLAIM, CLAIM_NOT_FOUND);
  if (status.status === 'refused') return toProblem(reply, 'not_found', NO_UNIT, CLAIM_NOT_FOUND);
  if (status.status === 'released') return status;
  if (status.status === 'pending') {
    reply.header('retry-after', PENDING_RETRY_SECONDS);
    return toProblem(reply, 'claim_pending', 'The claim is not decided yet. Release it once it is.');
  }
  const claim = claimPath.release({ id: claimId, userId: status.user_id, couponName: status.coupon_name });
  return claim instanceof WaitingClaim
    ? replyToRelease(reply, status, claim, await claimPath.answer(claim))
    : reject(claim);
};
