import type { ChangedUnits, ClaimFields, CouponChanges, Unit } from '@flashclaim/core';
import { COLLECTIONS, type EventFields, insertEvents, type Mongo, writeInTransaction } from '@flashclaim/store';
import type { ClientSession, ObjectId } from 'mongodb';
import { SnapshotContradicted, type TakenCoupon } from './take-units.ts';

type Changes = ReadonlyMap<string, CouponChanges>;
type Taken = ReadonlyMap<string, TakenCoupon>;

/** The units of the grants, each with the next number of its coupon, and the ends of the released claims. */
export const unitsOf = (changes: Changes, taken: Taken): ChangedUnits => {
  const granted = new Map<string, Unit>();
  const ended = new Map<string, number>();
  for (const [name, { granted: claims, released }] of changes) {
    const { issued, updated_at } = taken.get(name) as TakenCoupon;
    const at = updated_at.getTime();
    claims.forEach(({ id }, index) => {
      granted.set(id, { sequence: issued - claims.length + index + 1, claimedAt: at });
    });
    for (const { claim } of released) ended.set(claim.id, at);
  }
  return { granted, ended };
};

/** Writes what a transaction has decided: releases first, because their users may claim again in the same transaction. */
export const writeChanges = async (
  { mongo, session }: { mongo: Mongo; session: ClientSession },
  changes: Changes,
  taken: Taken,
  { granted }: ChangedUnits,
): Promise<void> => {
  const events: EventFields[] = [];
  const ends: { q: object; u: object; multi: true }[] = [];
  const documents: ClaimFields<ObjectId>[] = [];
  for (const [name, change] of changes) {
    const coupon = taken.get(name) as TakenCoupon;
    const { released } = change;
    for (const claim of change.granted) {
      const { sequence } = granted.get(claim.id) as Unit;
      const document: ClaimFields<ObjectId> = {
        _id: claim.id,
        user_id: claim.userId,
        coupon_id: coupon._id,
        coupon_name: name,
        claimed_at: coupon.updated_at,
        sequence,
        ordinal: 1,
      };
      if (claim.requestId !== undefined) document.request_id = claim.requestId;
      documents.push(document);
    }
    if (released.length === 0) continue;
    ends.push({
      q: { _id: { $in: released.map(({ claim }) => claim.id) }, ordinal: 1 },
      u: { $set: { state: 'released', ended_at: coupon.updated_at }, $unset: { ordinal: 1 } },
      multi: true,
    });
    events.push(...eventsOf(coupon, change));
  }
  if (ends.length > 0) {
    const ended = await writeInTransaction(mongo.db, session, { update: COLLECTIONS.claims, updates: ends });
    if (ended !== events.length) throw new SnapshotContradicted('a claim to release is not live any more');
  }
  if (documents.length > 0) await writeInTransaction(mongo.db, session, { insert: COLLECTIONS.claims, documents });
  await insertEvents(mongo, session, events);
};

const eventsOf = (coupon: TakenCoupon, { granted, released }: CouponChanges): EventFields[] =>
  released.map(({ claim, afterGrants }, index) => ({
    coupon_id: coupon._id,
    number: coupon.event_count - released.length + index + 1,
    after_sequence: coupon.issued - granted.length + afterGrants,
    type: 'claim.released',
    at: coupon.updated_at,
    claim_id: claim.id,
  }));
