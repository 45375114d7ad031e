import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { StartError } from '@flashclaim/runtime';
import { type Db, type Document, MongoServerError } from 'mongodb';
import { COLLECTIONS, VALIDATION, VALIDATORS } from './collections.ts';
import type { Mongo } from './mongo.ts';

/** A worker of the earlier version checks the validators every second, and then replaces one that is not its own. */
const REPLACED_WITHIN_MS = 2_500;

const NAMESPACE_EXISTS = 48;

/** The validator of the present layout, with a mark. */
const GUARD = { ...VALIDATORS.claims, $comment: 'npm run migrate has not ended' };

/** Whether these options of the collection of claims have the guard: a migration runs, or was interrupted. */
export const isGuarded = (options: Document): boolean => options['validator']?.$comment === GUARD.$comment;

/**
 * Sets the validator of the present layout on new claims. So an app of the earlier version that still runs grants nothing, and
 * a worker is found because it replaces the validator. Resolves to the time of this, by the monotonic clock.
 */
export const setGuard = async (db: Db): Promise<number> => {
  const name = COLLECTIONS.claims;
  await db.createCollection(name).catch((error: unknown) => {
    if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
  });
  // Claims of the earlier layout break it. At this level they can be changed all the same.
  await db.command({ collMod: name, validator: GUARD, ...VALIDATION, validationLevel: 'moderate' });
  return performance.now();
};

/** @throws StartError where an app of the earlier version has written since the guard was set. */
export const checkGuard = async ({ db, claims }: Mongo, guardedAt: number): Promise<void> => {
  await sleep(Math.max(0, guardedAt + REPLACED_WITHIN_MS - performance.now()));
  const [found] = await db.listCollections({ name: claims.collectionName }).toArray();
  const { validator } = (found as Document)['options'];
  // Another migration may have ended meanwhile.
  const isReplaced = ![GUARD, VALIDATORS.claims].some((known) => isDeepStrictEqual(validator, known));
  if (isReplaced || (await claims.findOne({ sequence: { $exists: false } })))
    throw new StartError(
      'An API or a worker of the earlier version still runs on this database: stop all of them, then run the migration again.',
    );
};

/** Makes the validator the usual one. */
export const removeGuard = (db: Db): Promise<Document> =>
  db.command({ collMod: COLLECTIONS.claims, validator: VALIDATORS.claims, ...VALIDATION });
