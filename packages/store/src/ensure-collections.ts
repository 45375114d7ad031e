import { isDeepStrictEqual } from 'node:util';
import { StartError } from '@flashclaim/runtime';
import { type CollectionInfo, type Db, MongoServerError } from 'mongodb';
import { COLLECTIONS, INDEXES, type IndexDefinition, isSameKey, VALIDATORS } from './collections.ts';

const NAMESPACE_EXISTS = 48;

/** Validators apply to every write, and a write that breaks one fails. */
export const VALIDATION = { validationLevel: 'strict', validationAction: 'error' } as const;

/**
 * Creates missing collections, validators and indexes. Every process runs this at every start.
 * @throws StartError where an index can't be built.
 */
export const ensureCollections = async (db: Db): Promise<void> => {
  for (const name of Object.values(COLLECTIONS)) {
    await createCollection(db, name);
    try {
      await createIndexes(db, name);
    } catch (error) {
      if (!(error instanceof MongoServerError)) throw error;
      throw new StartError(
        `The indexes of "${db.databaseName}.${name}" can't be built: ${error.message}. ` +
          'Correct the data or drop the conflicting index, then start again.',
        { cause: error },
      );
    }
  }
};

const createIndexes = async (db: Db, name: keyof typeof INDEXES): Promise<void> => {
  const found = await db.collection(name).indexes();
  const missing: IndexDefinition[] = [];
  for (const index of INDEXES[name]) {
    const kept = found.find((one) => isSameKey(one.key, index.key))?.expireAfterSeconds;
    const { key: keyPattern, expireAfterSeconds } = index;
    if (kept === undefined || expireAfterSeconds === undefined) missing.push(index);
    // A longer time is kept: a later version set it.
    else if (kept < expireAfterSeconds) await db.command({ collMod: name, index: { keyPattern, expireAfterSeconds } });
  }
  if (missing.length > 0) await db.collection(name).createIndexes(missing.map((index) => ({ ...index })));
};

const createCollection = async (db: Db, name: keyof typeof VALIDATORS): Promise<void> => {
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
