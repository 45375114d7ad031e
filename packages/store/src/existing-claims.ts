import type { ClaimFields, ExistingClaim } from '@flashclaim/core';
import type { ClientSession } from 'mongodb';
import type { Mongo } from './mongo.ts';

/** Converts a stored claim into the form that decisions use. */
export const toExistingClaim = (stored: Omit<ClaimFields, 'coupon_id'>): ExistingClaim => ({
  id: stored._id,
  userId: stored.user_id,
  couponName: stored.coupon_name,
  requestId: stored.request_id,
  claimedAt: stored.claimed_at.getTime(),
  sequence: stored.sequence,
  ...(stored.ended_at && { endedAt: stored.ended_at.getTime() }),
});

/** The existing claims among these ids, by id. Without a session, this is a majority read. */
export const existingClaims = async (
  { claims }: Mongo,
  ids: readonly string[],
  session?: ClientSession,
): Promise<Map<string, ExistingClaim>> => {
  if (ids.length === 0) return new Map();
  const found = await claims.find({ _id: { $in: [...ids] } }, session ? { session } : {}).toArray();
  return new Map(found.map((claim) => [claim._id, toExistingClaim(claim)]));
};
