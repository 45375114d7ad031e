import { matches } from './matches.ts';

export interface Stored<T> {
  /** The write that inserted it. */
  at: number;
  /** The write that deleted it. */
  goneAt: number;
  document: T;
}

const NEVER = Number.POSITIVE_INFINITY;

/** The documents of a collection, in every version that anybody may still see: they are inserted and deleted, never changed. */
export class ModelCollection<T extends object> {
  #stored: Stored<T>[] = [];
  readonly keysOf: (document: T) => string[];

  constructor(keysOf: (document: T) => string[]) {
    this.keysOf = keysOf;
  }

  /** What was there after a write. */
  find(filter: object, seen: number): T[] {
    const found: T[] = [];
    for (const { at, goneAt, document } of this.#stored)
      if (at <= seen && goneAt > seen && matches(document, filter)) found.push(document);
    return found;
  }

  insert(document: T, at: number): void {
    this.#stored.push({ at, goneAt: NEVER, document });
  }

  /** Deletes what the condition names. Returns what was deleted. */
  deleteWhere(holds: (document: T) => boolean, write: () => number): T[] {
    const gone = this.#stored.filter(({ goneAt, document }) => goneAt === NEVER && holds(document));
    if (gone.length === 0) return [];
    const at = write();
    for (const one of gone) one.goneAt = at;
    return gone.map(({ document }) => document);
  }

  /** Writes after this one never were. Returns the documents that are gone by that, and those that are back. */
  rollBackTo(last: number): { gone: T[]; back: Stored<T>[] } {
    const gone = this.#stored.filter(({ at }) => at > last).map(({ document }) => document);
    this.#stored = this.#stored.filter(({ at }) => at <= last);
    const back = this.#stored.filter(({ goneAt }) => goneAt !== NEVER && goneAt > last);
    for (const one of back) one.goneAt = NEVER;
    return { gone, back };
  }
}
