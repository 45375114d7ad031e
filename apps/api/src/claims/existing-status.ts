import { CLAIMED_MESSAGE, type ClaimStatus, type ExistingClaim } from '@flashclaim/core';

/** The status of a claim that exists: `claimed`, or `released` once it has ended. */
export const toExistingStatus = (claim: Omit<ExistingClaim, 'requestId'>): ClaimStatus => {
  const { id, userId, couponName, sequence, claimedAt, endedAt } = claim;
  const claimed_at = toText(claimedAt);
  const unit = { user_id: userId, coupon_name: couponName, sequence, claimed_at };
  return endedAt === undefined
    ? { message: CLAIMED_MESSAGE, claim_id: id, status: 'claimed', code: 'claimed', ...unit }
    : { claim_id: id, status: 'released', code: 'released', ...unit, ended_at: toText(endedAt) };
};

const toText = (time: number): string => new Date(time).toISOString();
