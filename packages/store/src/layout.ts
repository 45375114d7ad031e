import type { CouponFields } from '@flashclaim/core';
import { StartError } from '@flashclaim/runtime';
import type { Db, Document, IndexDescriptionInfo } from 'mongodb';
import { COLLECTIONS } from './collections.ts';
import { isGuarded } from './migration-guard.ts';
import { isValidated } from './schema-faults.ts';

const ADDED_TO_COUPONS = ['issued', 'version', 'held_amount', 'event_count'] satisfies (keyof CouponFields)[];

/** Matches coupons of the earlier layout. */
export const OF_EARLIER_LAYOUT = { $or: ADDED_TO_COUPONS.map((field) => ({ [field]: { $exists: false } })) };

/** Whether a unique index holds the user of every claim, ended or not. With it, a user can't claim again after a release. */
export const isOfAllUsers = ({ key, unique, partialFilterExpression }: IndexDescriptionInfo): boolean =>
  unique === true && 'user_id' in key && !partialFilterExpression;

/**
 * Whether a database has the layout of an earlier version, or its migration has not ended.
 *
 * Every process asks this at its start, so it reads no more than a claim and a coupon: where the validator of coupons is ours,
 * all of them are complete, because only the migration sets it where coupons are. Without that validator, for example after
 * an import, it reads all coupons, but never all claims.
 */
export const hasEarlierLayout = async (db: Db): Promise<boolean> => {
  const names = [COLLECTIONS.coupons, COLLECTIONS.claims];
  const found = await db.listCollections({ name: { $in: names } }).toArray();
  const optionsOf = new Map(found.map(({ name, ...rest }) => [name, (rest as Document)['options'] ?? {}]));

  const ofClaims = optionsOf.get(COLLECTIONS.claims);
  if (ofClaims) {
    if (isGuarded(ofClaims)) return true;
    const claims = db.collection(COLLECTIONS.claims);
    if ((await claims.indexes()).some(isOfAllUsers)) return true;
    const first = await claims.findOne({}, { projection: { sequence: 1 } });
    if (first && !('sequence' in first)) return true;
  }
  const ofCoupons = optionsOf.get(COLLECTIONS.coupons);
  if (!ofCoupons || isValidated('coupons', ofCoupons)) return false;
  return (await db.collection(COLLECTIONS.coupons).findOne(OF_EARLIER_LAYOUT)) !== null;
};

/** @throws StartError where the database has the layout of an earlier version. It names the command that changes it. */
export const refuseEarlierLayout = async (db: Db): Promise<void> => {
  if (await hasEarlierLayout(db))
    throw new StartError(
      `The database "${db.databaseName}" has the layout of an earlier version: stop every API and worker that uses it, ` +
        'then run npm run migrate.',
    );
};
