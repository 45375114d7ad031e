import type { ClaimFields, StandingClaim } from '@flashclaim/core';
import type { Mongo } from './mongo.ts';

/** A claim as it is stored, in the words of a decision. */
export const toStandingClaim = (stored: ClaimFields): StandingClaim => ({
  id: stored._id,
  userId: stored.user_id,
  couponName: stored.coupon_name,
  requestId: stored.request_id,
  claimedAt: stored.claimed_at.getTime(),
});

/** The claims among these ids that stand, by id: the database's word, which no later event can take back. */
export const standingClaims = async (
  { claims }: Mongo,
  ids: readonly string[],
): Promise<Map<string, StandingClaim>> => {
  const found = await claims.find({ _id: { $in: [...ids] } }).toArray();
  return new Map(found.map((claim) => [claim._id, toStandingClaim(claim)]));
};
