const FINE_MS = 1_000;
const COARSE_STEP_MS = 100;
const COARSE_BINS = 650;

/** A histogram of answer times: bins of 1 ms up to a second, and of 100 ms up to a minute. */
export class AnswerTimes {
  readonly #bins = new Uint32Array(FINE_MS + COARSE_BINS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(ms: number): void {
    const bin = ms < FINE_MS ? Math.max(0, Math.floor(ms)) : FINE_MS + Math.floor((ms - FINE_MS) / COARSE_STEP_MS);
    (this.#bins[Math.min(bin, this.#bins.length - 1)] as number)++;
    this.#count++;
  }

  addAll(other: AnswerTimes): void {
    // By index: this runs three times a second, and an iterator would create a pair for each bin.
    for (let bin = 0; bin < this.#bins.length; bin++) (this.#bins[bin] as number) += other.#bins[bin] as number;
    this.#count += other.#count;
  }

  /** The time in ms within which this share of the callers was answered; undefined without answers. */
  quantile(share: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (let bin = 0; bin < this.#bins.length; bin++) {
      seen += this.#bins[bin] as number;
      if (seen >= rank) return bin < FINE_MS ? bin : FINE_MS + (bin - FINE_MS + 1) * COARSE_STEP_MS;
    }
    return undefined;
  }
}
