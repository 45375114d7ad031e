import { isDeepStrictEqual } from 'node:util';
import type { Document } from 'mongodb';
import type { IndexDefinition } from './collections.ts';

/** Whether two indexes have the same key. As JSON, because the order of the fields counts. */
export const isSameKey = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** Options with which an index ignores documents, or treats different values as equal. */
const NARROWING = ['partialFilterExpression', 'sparse', 'collation'] as const;

/** Whether an index in MongoDB covers the same documents as this one and demands the same of them. Its name does not matter. */
export const isSameIndex = (found: Document, index: IndexDefinition): boolean =>
  isSameKey(found['key'], index.key) &&
  (found['unique'] ?? false) === (index.unique ?? false) &&
  // A later version may keep documents longer.
  (found['expireAfterSeconds'] ?? 0) >= (index.expireAfterSeconds ?? 0) &&
  NARROWING.every((option) => isDeepStrictEqual(found[option], (index as Document)[option]));
