import { isDeepStrictEqual } from 'node:util';
import { withTimeout } from '@flashclaim/runtime';
import type { Db, Document } from 'mongodb';
import { COLLECTIONS, INDEXES, type IndexDefinition, VALIDATION, VALIDATORS } from './collections.ts';
import { isSameIndex } from './same-index.ts';

/** Timeout of a check. Shorter than a transaction may wait for MongoDB, because jobs wait for the check. */
const SCHEMA_CHECK_MAX_MS = 3_000;

type CollectionName = keyof typeof VALIDATORS;

/**
 * Finds collections, unique indexes, TTL indexes and validators that are missing in MongoDB or weaker than required.
 * Resolves to a description of each; empty where all exist.
 * @throws Error where MongoDB does not answer in time. That says nothing about the indexes.
 */
export const findSchemaFaults = (db: Db): Promise<string[]> => withTimeout(SCHEMA_CHECK_MAX_MS, findFaults(db));

const findFaults = async (db: Db): Promise<string[]> => {
  const names = Object.values(COLLECTIONS);
  const timeoutMS = SCHEMA_CHECK_MAX_MS;
  const found = await db.listCollections({ name: { $in: names } }, { timeoutMS }).toArray();
  const optionsOf = new Map(found.map(({ name, ...rest }) => [name, ('options' in rest && rest.options) || {}]));
  const faults: string[] = [];
  // One after the other, because transactions need the connections.
  for (const name of names) {
    const options = optionsOf.get(name);
    if (!options) {
      faults.push(`the collection ${name}`);
      continue;
    }
    if (!isValidated(name, options)) faults.push(`the validator of ${name}`);
    const indexes = await listIndexes(db, name);
    for (const index of INDEXES[name])
      if (isGuard(index) && !indexes.some((one) => isSameIndex(one, index))) faults.push(describe(name, index));
  }
  return faults;
};

const NAMESPACE_NOT_FOUND = 26;

/** The complete indexes. MongoDB also lists an index that is being built, and marks it with `buildUUID`. It protects nothing yet. */
const listIndexes = async (db: Db, name: string): Promise<Document[]> => {
  try {
    const command = { listIndexes: name, includeBuildUUIDs: true };
    const { cursor } = await db.command(command, { timeoutMS: SCHEMA_CHECK_MAX_MS });
    return cursor.firstBatch.filter((index: Document) => !('buildUUID' in index));
  } catch (error) {
    // The collection was dropped after it was listed.
    if ((error as { code?: unknown }).code === NAMESPACE_NOT_FOUND) return [];
    throw error;
  }
};

/** Whether data would be wrong without the index. Without any other index, reads are only slow. */
const isGuard = (index: IndexDefinition): boolean => index.unique === true || 'expireAfterSeconds' in index;

const describe = (name: string, { key, unique }: IndexDefinition): string =>
  `the ${unique ? 'unique ' : ''}index on ${Object.keys(key).join(', ')} of ${name}`;

/** Whether these options of a collection have a validator that applies to every write and demands at least what ours does. */
export const isValidated = (name: CollectionName, { validator, ...options }: Document): boolean =>
  Object.entries(VALIDATION).every(([option, value]) => options[option] === value) &&
  demandsAtLeast(validator, VALIDATORS[name]);

/** Whether a validator demands at least what ours does. That of a later version may demand more. */
const demandsAtLeast = (found: unknown, wanted: object): boolean =>
  typeof found === 'object' &&
  found !== null &&
  Object.entries(wanted).every(([key, value]: [string, unknown]) => {
    const theirs = (found as Document)[key];
    if (key === 'required') return (value as string[]).every((field) => theirs?.includes?.(field));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? demandsAtLeast(theirs, value) : isDeepStrictEqual(theirs, value);
  });
