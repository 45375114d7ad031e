import {
  type ClaimJobResult,
  type ClaimStatus,
  type Decision,
  decodeDecision,
  OUTCOME_KEPT_SECONDS,
  pendingClaimKey,
} from '@flashclaim/core';
import { type Mongo, type RedisConnection, standingClaims } from '@flashclaim/service';
import type { Queue } from 'bullmq';
import type { Place, Settled, WaitingClaim } from './waiting-claim.ts';

interface PendingRecord {
  userId: string;
  couponName: string;
  place: Place;
  decision?: Decision;
}

interface Stores {
  redis: RedisConnection;
  mongo: Mongo;
  lanes: readonly Queue[];
}

/** Remembers, for every API process, where a claim is whose caller was told `pending`; later also what was decided. */
export const rememberPending = async ({ redis }: Stores, claim: WaitingClaim, settled?: Settled): Promise<void> => {
  const { id, userId, couponName, place } = claim;
  if (!place || settled === 'unavailable') return;
  const record: PendingRecord = { userId, couponName, place, ...(settled && { decision: settled.decision }) };
  await redis.set(pendingClaimKey(id), JSON.stringify(record), 'EX', OUTCOME_KEPT_SECONDS);
};

/** Where a claim stands. Resolves to null for an id that holds no unit and was not told `pending` within the time it is kept. */
export const findClaim = async (stores: Stores, claimId: string): Promise<ClaimStatus | null> => {
  const record = await findRecord(stores, claimId);
  const decision = record && (record.decision ?? (await decisionOf(stores, record.place)));
  // The database last: had the claim been decided between the looks, its unit is seen.
  const standing = (await standingClaims(stores.mongo, [claimId])).get(claimId);
  if (standing) {
    return {
      claim_id: claimId,
      status: 'claimed',
      code: 'claimed',
      user_id: standing.userId,
      coupon_name: standing.couponName,
      claimed_at: new Date(standing.claimedAt).toISOString(),
    };
  }
  if (!record || decision === 'lost') return null;
  const status = decision ? 'refused' : 'pending';
  return {
    claim_id: claimId,
    status,
    code: decision ?? 'pending',
    user_id: record.userId,
    coupon_name: record.couponName,
  };
};

const findRecord = async ({ redis }: Stores, claimId: string): Promise<PendingRecord | undefined> => {
  const text = await redis.get(pendingClaimKey(claimId));
  return text === null ? undefined : (JSON.parse(text) as PendingRecord);
};

/** What a claim's job decided; undefined while it has not, `lost` where the job is gone or failed. */
const decisionOf = async ({ lanes }: Stores, place: Place): Promise<Decision | 'lost' | undefined> => {
  const job = await lanes[place.lane]?.getJob(place.jobId);
  if (!job || (job.finishedOn && job.failedReason)) return 'lost';
  return job.finishedOn ? decodeDecision(job.returnvalue as ClaimJobResult, place.index).decision : undefined;
};
