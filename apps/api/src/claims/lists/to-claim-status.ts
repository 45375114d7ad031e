import { CLAIMED_MESSAGE, type ClaimFields, type ClaimStatus } from '@flashclaim/core';

/** The fields of a claim that lists read. */
export const LISTED_FIELDS = { user_id: 1, coupon_id: 1, coupon_name: 1, claimed_at: 1, sequence: 1, ended_at: 1 };

/** The status of a stored claim, live or released. */
export const toClaimStatus = (claim: ClaimFields): ClaimStatus => {
  const { _id, user_id, coupon_name, sequence, claimed_at, ended_at } = claim;
  const status = ended_at ? 'released' : 'claimed';
  return {
    ...(!ended_at && { message: CLAIMED_MESSAGE }),
    claim_id: _id,
    status,
    code: status,
    user_id,
    coupon_name,
    sequence,
    claimed_at: claimed_at.toISOString(),
    ...(ended_at && { ended_at: ended_at.toISOString() }),
  };
};
