import { COLLECTIONS } from './collections.ts';
import { createIndexes, ensureCollections } from './ensure-collections.ts';
import { hasEarlierLayout, isOfAllUsers, OF_EARLIER_LAYOUT } from './layout.ts';
import { checkGuard, removeGuard, setGuard } from './migration-guard.ts';
import type { Mongo } from './mongo.ts';
import { BY_COUPON, completion, numberClaims } from './number-claims.ts';
import { rewriteIds } from './rewrite-ids.ts';
import { isSameKey } from './same-index.ts';

const INDEX_NOT_FOUND = 27;

/** What a migration changed. */
export interface Migration {
  /** False if the layout was the present one already. */
  isMigrated: boolean;
  /** Claims that got a sequence number. */
  claims: number;
  /** Coupons that got their new fields. */
  coupons: number;
  indexesBuilt: number;
  indexesDropped: number;
}

/**
 * The steps, in this order: number the claims, build the new indexes, complete the other coupons and rewrite the ids of claims,
 * drop the old indexes.
 */
export type MigrationStep = 'number' | 'build' | 'complete' | 'drop';

/**
 * Brings a database of an earlier version, or of the Go API before it, to the present layout.
 *
 * It may be interrupted at any point, and repeated. Claims are numbered in the order of an index, so two migrations at once write
 * the same numbers. Where the primary changes between them, they may not: run one at a time. Until it has ended, no process
 * starts.
 * @throws StartError where an index can't be built, or an app of the earlier version runs.
 */
export const migrate = async (
  mongo: Mongo,
  report: (step: MigrationStep, done: number, total: number) => void = () => {},
): Promise<Migration> => {
  const { db, coupons } = mongo;
  const isMigrated = await hasEarlierLayout(db);
  const done: Migration = { isMigrated, claims: 0, coupons: 0, indexesBuilt: 0, indexesDropped: 0 };
  if (isMigrated) {
    const guardedAt = await setGuard(db);
    const numbered = await numberClaims(mongo, (count, total) => report('number', count, total));
    done.claims = numbered.claims;
    report('build', 0, 1);
    done.indexesBuilt = await buildIndexes(mongo);
    report('complete', 0, 1);
    const rest = await coupons.updateMany(OF_EARLIER_LAYOUT, completion(0));
    done.coupons = numbered.coupons + rest.modifiedCount;
    await rewriteIds(mongo);
    await checkGuard(mongo, guardedAt);
    report('drop', 0, 1);
    done.indexesDropped = await dropIndexes(mongo);
    await removeGuard(db);
  }
  await ensureCollections(db);
  return done;
};

/** Resolves to the number of indexes that were built. */
const buildIndexes = async ({ db, claims }: Mongo): Promise<number> => {
  const before = await claims.indexes();
  await createIndexes(db, COLLECTIONS.claims);
  return (await claims.indexes()).length - before.length;
};

/** Resolves to the number of indexes that were dropped. */
const dropIndexes = async ({ claims }: Mongo): Promise<number> => {
  const found = await claims.indexes();
  const byCoupon = found.filter(({ key, unique }) => isSameKey(key, BY_COUPON) && !unique);
  const replaced = [...byCoupon, ...found.filter(isOfAllUsers)];
  for (const { name } of replaced)
    await claims.dropIndex(name as string).catch((error: { code?: unknown }) => {
      // Another migration was first.
      if (error.code !== INDEX_NOT_FOUND) throw error;
    });
  return replaced.length;
};
