import { type CouponReads, claimsCursor, decodeCursor, findClaims } from '@flashclaim/api';
import { type ClaimStatus, decodeDecision, isClosedReason, isGrant, isReleaseDecision } from '@flashclaim/core';
import { type DatabaseClock, existingClaims, type Mongo, readJobRecords, readPendingClaims } from '@flashclaim/store';
import type { Stores } from './model-process.ts';
import type { World } from './world.ts';

type Clock = Pick<DatabaseClock, 'now'>;

/** The clock for deadlines. */
export const mutatedClock = ({ mutations }: World, clock: Clock): Clock => {
  if (!mutations.has("deadline from the API's own clock")) return clock;
  return {
    get now() {
      return Math.floor(Date.now() / 1_000);
    },
  };
};

/** MongoDB as the claim path of an API process reads it. */
export const mutatedReads = ({ mutations }: World, mongo: Mongo): Mongo => {
  if (!mutations.has('refused after restock')) return mongo;
  const soldOut = new Set<string>();
  const find = (...query: Parameters<Mongo['coupons']['find']>) => ({
    toArray: async () =>
      (await mongo.coupons.find(...query).toArray()).map((coupon) => {
        if (coupon.remaining_amount === 0) soldOut.add(coupon.name);
        return soldOut.has(coupon.name) ? { ...coupon, remaining_amount: 0 } : coupon;
      }),
  });
  return { ...mongo, coupons: { ...mongo.coupons, find } } as unknown as Mongo;
};

/** A page of the claims of a coupon. */
export const mutatedPage = <Page extends { next: string | null }>(
  { mutations }: World,
  couponId: string,
  page: Page,
): Page => {
  if (!mutations.has('cursor that skips') || page.next === null) return page;
  const [sequence] = decodeCursor('claims', couponId, page.next);
  return { ...page, next: claimsCursor(couponId, Number(sequence) + 1) };
};

type Read = CouponReads['read'];

/** The read of a coupon. */
export const mutatedRead = ({ mutations }: World, read: Read): Read => {
  if (!mutations.has('read shared with an earlier caller')) return read;
  const inFlight = new Map<string, ReturnType<Read>>();
  return (name, usersMax) => {
    const shared = inFlight.get(name) ?? read(name, usersMax).finally(() => inFlight.delete(name));
    inFlight.set(name, shared);
    return shared;
  };
};

/** The read of claim statuses. */
export const mutatedFind = ({ mutations }: World): typeof findClaims =>
  mutations.has('status reads claims first') ? findClaimsFirst : findClaims;

/** Reads in the wrong order: it misses a claim that is granted between the first and the last read. */
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
  const fieldsOf = (one: { userId: string; couponName: string }) => ({
    claim_id: claimId,
    user_id: one.userId,
    coupon_name: one.couponName,
  });
  if (claim) return { ...fieldsOf(claim), status: 'claimed', code: 'claimed' };
  const [pending] = (await readPendingClaims(mongo, [claimId])).get(claimId) ?? [];
  if (!pending) return null;
  const { jobId, index } = pending.place;
  const record = (await readJobRecords(mongo, [jobId])).get(jobId);
  if (!record) return { ...fieldsOf(pending), status: 'pending', code: 'pending' };
  const decision = record.result ? decodeDecision(record.result, index) : 'timed_out';
  if (isGrant(decision) || isReleaseDecision(decision)) return null;
  const code = isClosedReason(decision) ? 'sale_not_open' : decision;
  return { ...fieldsOf(pending), status: 'refused', code };
};

/** The status that the caller gets. */
export const mutatedStatus = (
  { world, store, redis }: Stores & { world: World },
  status: ClaimStatus | undefined,
  lanes: number,
): ClaimStatus | null => {
  const { mutations } = world;
  if (mutations.size === 0 || status?.status !== 'pending') return status ?? null;
  const range = { $gte: `${status.claim_id}/`, $lt: `${status.claim_id}0` };
  const pending = store.find('pending_claims', { _id: range }, store.replication.committed);
  const hasJob = pending.some(({ _id }) => redis.hasJob(_id.slice(_id.indexOf('/') + 1), lanes));
  const isLate = pending.every(({ deadline }) => Date.now() > (deadline as Date).getTime());
  const isRefused =
    (mutations.has('missing lane treated as refused') && !hasJob) || (mutations.has('expiry by clock alone') && isLate);
  return isRefused ? { ...status, status: 'refused', code: 'timed_out' } : status;
};
