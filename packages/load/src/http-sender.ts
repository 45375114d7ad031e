import { Agent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';

export interface HttpRequest {
  method: string;
  /** Sent as it is. `fetch` would change a path such as `/api/coupons/..`. */
  path: string;
  headers?: Record<string, string | undefined> | undefined;
  body?: string | undefined;
  /** Closes the connection when it aborts. */
  signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  /** The parsed document where the answer is JSON; else its text, or undefined where it is empty. */
  // biome-ignore lint/suspicious/noExplicitAny: a server may answer anything.
  body: any;
}

/** Idle connections stay open, however many there are. */
const KEPT = { keepAlive: true, maxFreeSockets: Number.POSITIVE_INFINITY };

/** Sends requests over keep-alive connections, one at a time on each. */
export class HttpSender {
  readonly #agent = new Agent(KEPT);
  readonly #httpsAgent = new HttpsAgent(KEPT);

  /** @throws Error where the connection fails or ends before the answer. */
  send(url: string, { method, path, headers, body, signal }: HttpRequest): Promise<HttpAnswer> {
    const { protocol, hostname, port } = new URL(url);
    const [begin, agent] = protocol === 'https:' ? [httpsRequest, this.#httpsAgent] : [httpRequest, this.#agent];
    // The address in a URL such as http://[::1]:8080 has brackets.
    const host = hostname.replaceAll(/^\[|\]$/g, '');
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    return new Promise((resolve, reject) => {
      const options = { agent, host, port, method, path, headers: { ...headers, ...length } };
      const outgoing = begin(signal ? { ...options, signal } : options);
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        text(response)
          .then((received) => answerOf(response.statusCode, response.rawHeaders, received))
          .then(resolve, reject);
      });
      outgoing.end(body);
    });
  }

  /** Closes all connections, also those that were opened for a request that was aborted. */
  close(): void {
    this.#agent.destroy();
    this.#httpsAgent.destroy();
  }
}

const answerOf = (status = 0, rawHeaders: readonly string[], received: string): HttpAnswer => {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  const isJson = /[/+]json/.test(headers.get('content-type') ?? '');
  return { status, headers, body: isJson && received ? JSON.parse(received) : received || undefined };
};
