import { findClaims } from '@flashclaim/api';
import { type ClaimStatus, decodeDecision, isGrant } from '@flashclaim/core';
import { type DatabaseClock, existingClaims, type Mongo, readJobRecords, readPendingClaims } from '@flashclaim/store';
import type { Stores } from './model-process.ts';
import type { World } from './world.ts';

type Clock = Pick<DatabaseClock, 'now'>;

/** The clock by which deadlines are stamped. */
export const plantedClock = ({ plants }: World, clock: Clock): Clock => {
  if (!plants.has("deadline from the API's own clock")) return clock;
  return {
    get now() {
      return Math.floor(Date.now() / 1_000);
    },
  };
};

/** What becomes of a claim. */
export const plantedFind = ({ plants }: World): typeof findClaims =>
  plants.has('status reads claims first') ? findClaimsFirst : findClaims;

/** By majority reads, in the wrong order: a claim that is granted between the first and the last of them is not seen. */
const findClaimsFirst: typeof findClaims = async (mongo, claimIds) => {
  const statuses = new Map<string, ClaimStatus>();
  for (const claimId of claimIds) {
    const status = await findClaimFirst(mongo, claimId);
    if (status) statuses.set(claimId, status);
  }
  return statuses;
};

const findClaimFirst = async (mongo: Mongo, claimId: string): Promise<ClaimStatus | null> => {
  const claim = (await existingClaims(mongo, [claimId])).get(claimId);
  const told = (one: { userId: string; couponName: string }) => ({
    ...{ claim_id: claimId, user_id: one.userId, coupon_name: one.couponName },
  });
  if (claim) return { ...told(claim), status: 'claimed', code: 'claimed' };
  const [pending] = (await readPendingClaims(mongo, [claimId])).get(claimId) ?? [];
  if (!pending) return null;
  const { jobId, index } = pending.place;
  const record = (await readJobRecords(mongo, [jobId])).get(jobId);
  if (!record) return { ...told(pending), status: 'pending', code: 'pending' };
  const code = record.result ? decodeDecision(record.result, index).decision : 'timed_out';
  return isGrant(code) ? null : { ...told(pending), status: 'refused', code };
};

/** A status on its way to its caller. */
export const plantedStatus = (
  { world, store, redis }: Stores & { world: World },
  status: ClaimStatus | undefined,
  lanes: number,
): ClaimStatus | null => {
  const { plants } = world;
  if (plants.size === 0 || status?.status !== 'pending') return status ?? null;
  const range = { $gte: `${status.claim_id}/`, $lt: `${status.claim_id}0` };
  const pending = store.find('pending_claims', { _id: range }, store.replication.committed);
  const isHeld = pending.some(({ _id }) => redis.isHeld(_id.slice(_id.indexOf('/') + 1), lanes));
  const isLate = pending.every(({ deadline }) => Date.now() > (deadline as Date).getTime());
  const isRefused =
    (plants.has('missing lane treated as refused') && !isHeld) || (plants.has('expiry by clock alone') && isLate);
  return isRefused ? { ...status, status: 'refused', code: 'timed_out' } : status;
};
