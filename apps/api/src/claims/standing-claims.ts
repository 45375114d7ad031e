import type { ClaimFields } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/service';

/** The claims among these ids that stand, by id: the database's word, which no later event can take back. */
export const standingClaims = async ({ claims }: Mongo, ids: readonly string[]): Promise<Map<string, ClaimFields>> => {
  const found = await claims.find({ _id: { $in: [...ids] } }).toArray();
  return new Map(found.map((claim) => [claim._id, claim]));
};
