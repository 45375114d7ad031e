import type { ClaimFields } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import { type FindCursor, ObjectId } from 'mongodb';
import { AT_SNAPSHOT } from './at-snapshot.ts';
import { NumberCheck } from './number-check.ts';

/** A coupon and what its claims amount to. */
export interface CouponUnits {
  id: string;
  name: string;
  amount: number;
  remaining: number;
  /** Live claims. */
  claims: number;
  /** Sequence numbers from 1 to the last one that no claim or several claims have, and claims with another number. */
  misnumbered: number;
  /** Claims that are both live and ended, or neither. */
  malformed: number;
  /** The first of the wrong numbers, in words. */
  wrongNumbers: string[];
}

type UnitFields = Pick<ClaimFields<ObjectId>, 'coupon_id' | 'sequence' | 'ordinal' | 'state' | 'ended_at'>;

const BATCH_CLAIMS = 5_000;
const REPORT_EVERY_CLAIMS = 10_000;

/**
 * Counts the claims of each coupon. Reads coupons and claims side by side, both in the order of the coupon's id and in one
 * snapshot, so it keeps one coupon and one batch of claims in memory. Without the index MongoDB sorts the claims on disk.
 */
export async function* countUnits(
  { client, coupons, claims }: Mongo,
  ids: readonly ObjectId[] | undefined,
  onProgress: (done: number) => void,
): AsyncGenerator<CouponUnits> {
  const session = client.startSession({ snapshot: true });
  const reading = { ...AT_SNAPSHOT, session };
  const found = coupons.find(ids ? { _id: { $in: ids } } : {}, {
    ...reading,
    projection: { name: 1, amount: 1, remaining_amount: 1, issued: 1 },
    sort: { _id: 1 },
  });
  const existing: FindCursor<UnitFields> = claims.find(ids ? { coupon_id: { $in: ids } } : {}, {
    ...reading,
    projection: { _id: 0, coupon_id: 1, sequence: 1, ordinal: 1, state: 1, ended_at: 1 },
    sort: { coupon_id: 1, sequence: 1 },
    batchSize: BATCH_CLAIMS,
  });
  let done = 0;
  const next = async () => {
    if (++done % REPORT_EVERY_CLAIMS === 0) onProgress(done);
    return existing.next();
  };
  try {
    let claim = await next();
    for await (const { _id, name, amount, remaining_amount: remaining, issued } of found) {
      const id = _id.toHexString();
      const numbers = new NumberCheck(issued ?? 0);
      let [live, malformed] = [0, 0];
      // Claims of coupons that do not exist come in between.
      for (; claim && idOf(claim) <= id; claim = await next()) {
        if (idOf(claim) < id) continue;
        numbers.add(claim.sequence);
        if (claim.ordinal !== undefined) live++;
        if (isMalformed(claim)) malformed++;
      }
      numbers.end();
      const { misnumbered, wrongNumbers } = numbers;
      yield { id, name, amount, remaining, claims: live, misnumbered, malformed, wrongNumbers };
    }
  } finally {
    await existing.close();
    await session.endSession();
  }
}

/** Anything but an ObjectId belongs to no coupon. */
const idOf = ({ coupon_id: id }: UnitFields): string => (id instanceof ObjectId ? id.toHexString() : '');

const isMalformed = ({ ordinal, state, ended_at }: UnitFields): boolean => {
  const isEnded = state === 'released' && ended_at !== undefined;
  return ordinal === undefined ? !isEnded : state === 'released' || ended_at !== undefined;
};
