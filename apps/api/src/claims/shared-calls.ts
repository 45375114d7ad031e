interface Waiting<Item, Result> {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: Error) => void;
}

export interface SharedCallsOptions<Item, Result> {
  /** Makes the call for some items. Resolves to their results, in the same order. */
  call: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Items of one call. */
  itemsMax?: number;
}

/**
 * Makes one call at a time. Items that arrive while a call is in flight share the next one. So each result is as fresh as that
 * of a call of its own, and one connection serves any number of callers.
 */
export class SharedCalls<Item, Result> {
  #waiting: Waiting<Item, Result>[] = [];
  #isCalling = false;
  readonly #options: SharedCallsOptions<Item, Result>;

  constructor(options: SharedCallsOptions<Item, Result>) {
    this.#options = options;
  }

  /** Items that are in no call yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves to the item's result. Rejects as its call does. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#waiting.length === 1 && !this.#isCalling) setImmediate(() => void this.#callAll());
    });
  }

  async #callAll(): Promise<void> {
    const { call, itemsMax = Number.POSITIVE_INFINITY } = this.#options;
    this.#isCalling = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, itemsMax);
      try {
        const results = await call(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, index) => {
          resolve(results[index] as Result);
        });
      } catch (error) {
        for (const { reject } of batch) reject(error as Error);
      }
    }
    this.#isCalling = false;
  }
}
