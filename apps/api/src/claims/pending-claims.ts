import { type ClaimJobResult, type ClaimStatus, type Decision, decodeDecision, isGrant } from '@flashclaim/core';
import {
  deletePendingRecord,
  type Logger,
  type Mongo,
  type PendingRecord,
  type RedisConnection,
  readPendingRecord,
  standingClaims,
  writePendingRecord,
} from '@flashclaim/service';
import type { Queue } from 'bullmq';
import { StoreAwayError, type StoreWatch } from '../stores/store-watch.ts';
import type { Answer, Settled, WaitingClaim } from './waiting-claim.ts';

interface Stores {
  redis: RedisConnection;
  mongo: Mongo;
  lanes: readonly Queue[];
  log: Pick<Logger, 'warn'>;
  stores: { redis: StoreWatch; mongo: StoreWatch };
}

/** Remembers, for every process, where a claim is whose caller was told `pending`; later also why it was refused. */
export const rememberPending = async (
  { redis }: Pick<Stores, 'redis'>,
  claim: WaitingClaim,
  settled?: Settled,
): Promise<void> => {
  const { id, userId, couponName, place } = claim;
  if (!place || typeof settled === 'string') return;
  const decision = settled?.decision;
  if (isGrant(decision)) await deletePendingRecord(redis, id);
  else await writePendingRecord(redis, id, { userId, couponName, place, ...(decision && { decision }) });
};

/** What the caller of a pending claim is told: to ask for it later, once every process can answer that. */
export const tellPending = async (
  from: Pick<Stores, 'redis' | 'stores' | 'log'>,
  claim: WaitingClaim,
): Promise<Answer> => {
  try {
    await from.stores.redis.answer(() => rememberPending(from, claim));
    return 'pending';
  } catch (error) {
    claim.noteOwed = true;
    // A store that is away has been spoken of.
    if (!(error instanceof StoreAwayError))
      from.log.warn(
        { claim: claim.id, error: (error as Error).message },
        'a pending claim could not be noted; it is decided, but its caller is sent to try again',
      );
    return 'unknown';
  }
};

/**
 * Where a claim stands. Resolves to null for an id that holds no unit and was not told `pending` within the time it is kept.
 * @throws StoreAwayError where MongoDB is away; or where Redis is, unless the claim holds a unit.
 */
export const findClaim = async (from: Stores, claimId: string): Promise<ClaimStatus | null> => {
  const { redis, mongo } = from.stores;
  const found = await redis.answer(() => findOnItsWay(from, claimId)).catch(onlyWhereAway);
  // The database last: had the claim been decided between the looks, its unit is seen. What stands is the last word, also
  // over the refusal of another request under the same key.
  const standing = (await mongo.answer(() => standingClaims(from.mongo, [claimId]))).get(claimId);
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
  if (found instanceof StoreAwayError) throw found;
  const { record, code } = found;
  if (!record || !code || isGrant(code)) return null;
  return {
    claim_id: claimId,
    status: code === 'pending' ? 'pending' : 'refused',
    code,
    user_id: record.userId,
    coupon_name: record.couponName,
  };
};

const onlyWhereAway = (error: unknown): StoreAwayError => {
  if (error instanceof StoreAwayError) return error;
  throw error;
};

/** What Redis knows of a claim. */
const findOnItsWay = async (from: Stores, claimId: string) => {
  const record = await readPendingRecord(from.redis, claimId);
  return { record, code: record && (await codeOf(from, record)) };
};

/**
 * What a pending claim's record and job say. `unavailable` where the job failed, or is gone without a word: nothing more
 * comes of it then, and what does not stand was not granted.
 */
const codeOf = async (
  { lanes, log }: Stores,
  { place, decision }: PendingRecord,
): Promise<Decision | 'pending' | 'unavailable'> => {
  if (decision) return decision;
  const job = await lanes[place.lane]?.getJob(place.jobId);
  if (job && !job.finishedOn) return 'pending';
  if (!job || job.failedReason) return 'unavailable';
  try {
    return decodeDecision(job.returnvalue as ClaimJobResult, place.index).decision;
  } catch (error) {
    log.warn({ job: place.jobId, error: (error as Error).message }, 'a result can not be read');
    return 'unavailable';
  }
};
