import { Agent, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Reply } from '../support/call-api.ts';
import type { FuzzRequest } from './request.ts';

/** The address of a request, with every value encoded. */
export const addressOf = ({ path, pathValues, query }: FuzzRequest): string => {
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(pathValues[name] as string));
  const search = query.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&');
  return search ? `${filled}?${search}` : filled;
};

/** Sends requests to one API over keep-alive connections. Unlike `fetch`, it does not change addresses such as `/api/coupons/..`. */
export class Sender {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #url: URL;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  send(request: FuzzRequest): Promise<Reply> {
    const { method, headers, contentType, body } = request;
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        agent: this.#agent,
        host: this.#url.hostname,
        port: this.#url.port,
        method,
        path: addressOf(request),
        headers: {
          ...headers,
          ...(contentType !== undefined && { 'content-type': contentType }),
          ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
        },
      });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        text(response).then((received) => resolve(replyOf(response.statusCode, response.rawHeaders, received)), reject);
      });
      outgoing.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

const replyOf = (status = 0, rawHeaders: string[], received: string): Reply => {
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  const isJson = /[/+]json/.test(headers.get('content-type') ?? '');
  return { status, headers, body: isJson && received ? JSON.parse(received) : received || undefined };
};
