import { CLAIMED_MESSAGE, type ClaimStatus, type ExistingClaim } from '@flashclaim/core';

/** The status of a claim that exists: `claimed`, or `released` once it has ended. */
export const toExistingStatus = ({
  id,
  userId,
  couponName,
  sequence,
  claimedAt,
  endedAt,
}: Omit<ExistingClaim, 'requestId'>): ClaimStatus => {
  const status = endedAt === undefined ? 'claimed' : 'released';
  return {
    ...(status === 'claimed' && { message: CLAIMED_MESSAGE }),
    claim_id: id,
    status,
    code: status,
    user_id: userId,
    coupon_name: couponName,
    sequence,
    claimed_at: new Date(claimedAt).toISOString(),
    ...(endedAt !== undefined && { ended_at: new Date(endedAt).toISOString() }),
  };
};
