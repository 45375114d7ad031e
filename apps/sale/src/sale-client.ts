import { type HttpAnswer, HttpSender } from '@flashclaim/load';
import type { ApiRequest } from './adapters/adapter.ts';

export interface Credentials {
  adminToken: string | undefined;
  claimKey: string | undefined;
}

/** Sends requests of an adapter to one server. */
export class SaleClient {
  readonly #sender = new HttpSender();
  readonly #url: string;
  readonly #basePath: string;
  readonly #credentials: Credentials;

  /** @param url the base of the API, with or without a path. */
  constructor(url: string, credentials: Credentials) {
    this.#url = url;
    this.#basePath = new URL(url).pathname.replace(/\/$/, '');
    this.#credentials = credentials;
  }

  /** @throws Error where the connection fails, ends before the answer, or `signal` aborts. */
  send({ method, path, body, headers, isAdmin }: ApiRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    const token = isAdmin ? this.#credentials.adminToken : this.#credentials.claimKey;
    return this.#sender.send(this.#url, {
      ...{ method, path: this.#basePath + path, signal, body: body && JSON.stringify(body) },
      headers: {
        ...(body && { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
  }

  close(): void {
    this.#sender.close();
  }
}
