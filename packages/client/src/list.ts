import type { Page } from './documents.ts';
import { readDocument } from './read-answer.ts';
import { faultOf } from './read-claim.ts';
import { type RetryOptions, RetryPolicy } from './retry-policy.ts';
import type { Answer, Transport } from './send-request.ts';

/** Each page is a call of its own, which is retried: `timeoutMs` and `attempts` are those of one page. */
export interface ListOptions extends RetryOptions {
  /** How many entries the API sends in one page. */
  limit?: number | undefined;
  /** The cursor of an earlier page, `next`: the list continues after that page. */
  after?: string | undefined;
}

/** A list that is read page by page while it is iterated: `for await (const entry of list)`. */
export class List<T> implements AsyncIterable<T> {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #filter: Record<string, string | undefined>;
  readonly #options: ListOptions;

  constructor(transport: Transport, path: string, filter: Record<string, string | undefined>, options: ListOptions) {
    this.#transport = transport;
    this.#path = path;
    this.#filter = filter;
    this.#options = options;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for await (const { data } of this.pages()) yield* data;
  }

  /** The pages. Store `next` of a page to continue the list after it later. */
  async *pages(): AsyncGenerator<Page<T>, void> {
    let { after } = this.#options;
    do {
      const page = await this.#read(after);
      yield page;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }

  #read(after: string | undefined): Promise<Page<T>> {
    const { limit, ...options } = this.#options;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ ...this.#filter, limit, after }))
      if (value !== undefined) query.set(name, String(value));
    const policy = new RetryPolicy(this.#transport, `The list ${this.#path}`, options);
    const url = `${this.#transport.baseUrl}${this.#path}${query.size > 0 ? `?${query}` : ''}`;
    return policy.send({ method: 'GET', url, headers: this.#transport.adminHeaders }, readPage<T>);
  }
}

const readPage = <T>(answer: Answer): Page<T> => {
  const page = readDocument<Page<T>>(answer, [200], 'data');
  if (!Array.isArray(page.data)) throw faultOf(answer, 'not_flashclaim', 'The answer has no list.');
  return page;
};
