/** A page of a list, as it is answered. */
export interface Page<T> {
  data: T[];
  /** The cursor of the next page; null on the last one. */
  next: string | null;
}

/** The page of at most `limit` entries, from a read of one more, which shows whether there is a next page. */
export const toPage = <Entry, T>(
  found: readonly Entry[],
  limit: number,
  { toItem, toCursor }: { toItem: (entry: Entry) => T; toCursor: (last: Entry) => string },
): Page<T> => {
  const last = found.length > limit ? found[limit - 1] : undefined;
  return { data: found.slice(0, limit).map(toItem), next: last === undefined ? null : toCursor(last) };
};
