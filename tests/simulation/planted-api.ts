import type { ClaimStatus } from '@flashclaim/core';
import type { DatabaseClock, Mongo } from '@flashclaim/service';
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

/** What a status reads. */
export const plantedMongo = async ({ plants }: World, mongo: Mongo, claimId: string): Promise<Mongo> => {
  if (!plants.has('status reads claims first')) return mongo;
  const found = await mongo.claims.find({ _id: { $in: [claimId] } }).toArray();
  return { ...mongo, claims: { find: () => ({ toArray: async () => found }) } as unknown as Mongo['claims'] };
};

/** A status on its way to its caller. */
export const plantedStatus = (
  { world, store, redis }: Stores & { world: World },
  status: ClaimStatus | null,
  lanes: number,
): ClaimStatus | null => {
  const { plants } = world;
  if (plants.size === 0 || status?.status !== 'pending') return status;
  const range = { $gte: `${status.claim_id}/`, $lt: `${status.claim_id}0` };
  const pending = store.find('pending_claims', { _id: range }, store.replication.committed);
  const isHeld = pending.some(({ _id }) => redis.isHeld(_id.slice(_id.indexOf('/') + 1), lanes));
  const isLate = pending.every(({ deadline }) => Date.now() > (deadline as Date).getTime());
  const isRefused =
    (plants.has('missing lane treated as refused') && !isHeld) || (plants.has('expiry by clock alone') && isLate);
  return isRefused ? { ...status, status: 'refused', code: 'timed_out' } : status;
};
