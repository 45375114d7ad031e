import { isDeepStrictEqual } from 'node:util';
import { StartError } from '@flashclaim/runtime';
import { type CollectionInfo, type Db, MongoServerError } from 'mongodb';
import { COLLECTIONS, INDEXES, type IndexDefinition, VALIDATION, VALIDATORS } from './collections.ts';
import { refuseEarlierLayout } from './layout.ts';
import { isSameKey } from './same-index.ts';

type CollectionName = keyof typeof INDEXES;

const NAMESPACE_EXISTS = 48;

/**
 * Creates missing collections, validators and indexes. Every process runs this at every start.
 * @throws StartError where the database has the layout of an earlier version, or an index can't be built.
 */
export const ensureCollections = async (db: Db): Promise<void> => {
  await refuseEarlierLayout(db);
  for (const name of Object.values(COLLECTIONS)) {
    await createCollection(db, name);
    await createIndexes(db, name);
  }
};

/**
 * Creates the indexes of a collection that are missing. Others stay.
 * @throws StartError where one can't be built.
 */
export const createIndexes = async (db: Db, name: CollectionName): Promise<void> => {
  const found = await db.collection(name).indexes();
  const missing: IndexDefinition[] = [];
  for (const index of INDEXES[name]) {
    const one = found.find(({ key }) => isSameKey(key, index.key));
    const { key: keyPattern, expireAfterSeconds, unique } = index;
    // An earlier version made this index unique. It serves the same reads, so it stays.
    if (one?.unique && !unique) continue;
    const kept = one?.expireAfterSeconds;
    if (kept === undefined || expireAfterSeconds === undefined) missing.push(index);
    // A longer time is kept: a later version set it.
    else if (kept < expireAfterSeconds) await db.command({ collMod: name, index: { keyPattern, expireAfterSeconds } });
  }
  try {
    if (missing.length > 0) await db.collection(name).createIndexes(missing.map((index) => ({ ...index })));
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw error;
    throw new StartError(
      `The indexes of "${db.databaseName}.${name}" can't be built: ${error.message}. ` +
        'Correct the data or drop the conflicting index, then start again.',
      { cause: error },
    );
  }
};

const createCollection = async (db: Db, name: CollectionName): Promise<void> => {
  const rules = { validator: VALIDATORS[name], ...VALIDATION };
  try {
    await db.createCollection(name, rules);
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
    // Only where the rules differ: collMod waits for every open transaction, and every other transaction waits for collMod.
    const [found] = await db.listCollections({ name }).toArray();
    const { validator, validationLevel, validationAction } = (found as CollectionInfo).options ?? {};
    if (!isDeepStrictEqual({ validator, validationLevel, validationAction }, rules))
      await db.command({ collMod: name, ...rules });
  }
};
