import { hash, timingSafeEqual } from 'node:crypto';

/** All digests are equally long, so a comparison does not reveal the length of a secret. */
const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer');

/** A list of secrets. It keeps only their digests. */
export class Secrets {
  readonly #digests: readonly Buffer[];

  constructor(secrets: readonly string[]) {
    this.#digests = secrets.map(digestOf);
  }

  /** Whether a text is one of the secrets. It is compared with each of them, in constant time. */
  has(text: string): boolean {
    const given = digestOf(text);
    let isFound = false;
    for (const digest of this.#digests) if (timingSafeEqual(given, digest)) isFound = true;
    return isFound;
  }
}
