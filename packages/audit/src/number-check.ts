/** Wrong numbers of a coupon that are named. All of them are counted. */
const NAMED_MAX = 5;

/** Checks that the sequence numbers of a coupon's claims, which come in order, are 1, 2, 3 … up to the last one, each once. */
export class NumberCheck {
  /** The number of faults. */
  misnumbered = 0;
  /** The first faults, in words. */
  readonly wrongNumbers: string[] = [];
  readonly #issued: number;
  #last = 0;

  /** @param issued the last number that the coupon has given. */
  constructor(issued: number) {
    this.#issued = issued;
  }

  /** The number of the next claim. */
  add(number: number): void {
    const isGiven = Number.isSafeInteger(number) && number >= 1 && number <= this.#issued;
    if (!isGiven) this.#report(1, `a claim has the number ${number}, which is not from 1 to ${this.#issued}`);
    else if (number === this.#last) this.#report(1, `several claims have the number ${number}`);
    else {
      this.#skipTo(number);
      this.#last = number;
    }
  }

  /** No more claims follow. */
  end(): void {
    this.#skipTo(this.#issued + 1);
  }

  #skipTo(number: number): void {
    const missing = number - this.#last - 1;
    if (missing === 1) this.#report(1, `no claim has the number ${number - 1}`);
    else if (missing > 1) this.#report(missing, `no claims have the numbers ${this.#last + 1} to ${number - 1}`);
  }

  #report(faults: number, words: string): void {
    this.misnumbered += faults;
    if (this.wrongNumbers.length < NAMED_MAX && this.wrongNumbers.at(-1) !== words) this.wrongNumbers.push(words);
  }
}
