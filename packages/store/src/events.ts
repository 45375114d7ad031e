import type { ClientSession, ObjectId } from 'mongodb';
import { COLLECTIONS } from './collections.ts';
import type { Mongo } from './mongo.ts';
import { writeInTransaction } from './transaction.ts';

/**
 * A change of a coupon that is no grant. The events of a coupon are numbered 1, 2, 3 …; together with its claims, ordered by
 * `sequence`, they are its history.
 */
export interface EventFields {
  coupon_id: ObjectId;
  number: number;
  /** The sequence number of the last grant before it. */
  after_sequence: number;
  type: 'claim.released' | 'coupon.changed';
  /** Database time. */
  at: Date;
  /** Only with `claim.released`. */
  claim_id?: string;
  /** Only with `coupon.changed`: the settings after it that it changed; null for one that it removed. */
  data?: Record<string, number | boolean | Date | null>;
}

/** Inserts events in the session's transaction. */
export const insertEvents = async (
  { db }: Mongo,
  session: ClientSession,
  documents: readonly EventFields[],
): Promise<void> => {
  if (documents.length > 0) await writeInTransaction(db, session, { insert: COLLECTIONS.events, documents });
};
