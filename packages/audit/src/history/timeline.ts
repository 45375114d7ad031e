type Value = number | boolean | null;

/** A change of one setting. */
export interface Write {
  value: Value | undefined;
  /** It was made at or after this time, */
  from: number;
  /** and at or before this time, if at all. */
  latest: number;
  /** It was made before this time. Infinity: perhaps never. */
  by: number;
  /** The version of the coupon after it. */
  version?: number | undefined;
}

/** The values of one setting in the course of time. */
export class Timeline {
  readonly #writes: readonly (Write & { overwrittenBy: number })[];

  /** @param initial undefined where it is not known. */
  constructor(initial: Value | undefined, writes: readonly Write[]) {
    const start = Number.NEGATIVE_INFINITY;
    const all = [{ value: initial, from: start, latest: start, by: start, version: 1 }, ...writes];
    this.#writes = all.map((write) => ({ ...write, overwrittenBy: overwrittenBy(write, all) }));
  }

  /** The values that it can have had at some moment of an interval; undefined where they are not known. */
  valuesIn(from: number, to: number): Value[] | undefined {
    const values = new Set<Value>();
    for (const write of this.#writes) {
      if (write.from > to || write.overwrittenBy < from) continue;
      if (write.value === undefined) return undefined;
      values.add(write.value);
    }
    // None: the answers contradict each other, which is reported elsewhere.
    return values.size > 0 ? [...values] : undefined;
  }
}

/** Before this time, another write certainly came after this one. */
const overwrittenBy = (write: Write, all: readonly Write[]): number => {
  let by = Number.POSITIVE_INFINITY;
  for (const other of all) if (other.by < by && other !== write && isLater(other, write)) by = other.by;
  return by;
};

/** Whether a write certainly came after another one. */
const isLater = (later: Write, earlier: Write): boolean =>
  later.from > earlier.latest ||
  (later.version !== undefined && earlier.version !== undefined && later.version > earlier.version);
