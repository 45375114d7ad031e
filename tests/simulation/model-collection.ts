import { matches } from './matches.ts';

export interface Stored<T> {
  /** The write that inserted it. */
  at: number;
  /** The write that deleted or replaced it. */
  deletedAt: number;
  readonly document: T;
  /** The open transaction that replaces it. */
  changedBy?: object | undefined;
}

export const NEVER = Number.POSITIVE_INFINITY;

/**
 * The documents of a collection, with the write that inserted and the write that deleted each. They are never changed: an update
 * deletes a document and inserts another one.
 */
export class ModelCollection<T extends object> {
  #stored: Stored<T>[] = [];
  readonly keysOf: (document: T) => string[];

  constructor(keysOf: (document: T) => string[]) {
    this.keysOf = keysOf;
  }

  /** The matching documents that a read at this write sees. */
  find(filter: object, seen: number): T[] {
    return this.findStored(filter, seen).map(({ document }) => document);
  }

  findStored(filter: object, seen: number): Stored<T>[] {
    const found: Stored<T>[] = [];
    for (const stored of this.#stored)
      if (stored.at <= seen && stored.deletedAt > seen && matches(stored.document, filter)) found.push(stored);
    return found;
  }

  insert(document: T, at: number): void {
    this.#stored.push({ at, deletedAt: NEVER, document });
  }

  /** Deletes and returns the documents for which the condition holds. */
  deleteWhere(holds: (document: T) => boolean, write: () => number): T[] {
    const deleted = this.#stored.filter(({ deletedAt, document }) => deletedAt === NEVER && holds(document));
    if (deleted.length === 0) return [];
    const at = write();
    for (const one of deleted) one.deletedAt = at;
    return deleted.map(({ document }) => document);
  }

  /** Undoes all writes after this one. Returns the removed documents and the restored ones. */
  rollBackTo(last: number): { removed: T[]; restored: Stored<T>[] } {
    const removed = this.#stored.filter(({ at }) => at > last).map(({ document }) => document);
    this.#stored = this.#stored.filter(({ at }) => at <= last);
    const restored = this.#stored.filter(({ deletedAt }) => deletedAt !== NEVER && deletedAt > last);
    for (const one of restored) one.deletedAt = NEVER;
    return { removed, restored };
  }
}
