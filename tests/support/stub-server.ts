import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

interface Received {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

/** How the stub server answers one request. */
export type Reaction = (response: ServerResponse) => void;

/** An HTTP server in place of the API. It fails as networks, gateways and crashed processes do. */
export interface StubServer {
  url: string;
  received: Received[];
  close(): Promise<void>;
}

/** Starts a stub server, until the test ends. Its requests get these reactions in order; the last one answers all that follow. */
export const startStubServer = async (...reactions: Reaction[]): Promise<StubServer> => {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    const { method = '', url = '', headers } = request;
    received.push({ method, url, headers, body: body ? JSON.parse(body) : undefined });
    reactions[Math.min(received.length, reactions.length) - 1]?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  onTestFinished(stub.close);
  return stub;
};

/** Answers with JSON, as the API does. */
export const answer =
  (status: number, body: object, headers: Record<string, string> = {}): Reaction =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

/** Answers with an error of the API. A 503 has `done`. */
export const problem = (
  status: number,
  code: string,
  headers: Record<string, string> = {},
  done: 'nothing' | 'unknown' = 'nothing',
): Reaction =>
  answer(
    status,
    { status, code, detail: `The detail of ${code}.`, request_id: 'the-request', ...(status === 503 && { done }) },
    { 'content-type': 'application/problem+json', ...headers },
  );

/** Answers with an HTML page, as a gateway does. */
export const page =
  (status: number, headers: Record<string, string> = {}): Reaction =>
  (response) =>
    response.writeHead(status, { 'content-type': 'text/html', ...headers }).end('<h1>Welcome</h1>');

/** Closes the connection without an answer. */
export const closeUnanswered: Reaction = (response) => void response.destroy();

/** Closes the connection in the middle of an answer. */
export const closeDuringAnswer: Reaction = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"claim_id":', () => response.destroy());
};

/** Begins an answer that never ends. */
export const answerEndlessly: Reaction = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).write('{"claim_id":');
};

/** Never answers. */
export const neverAnswer: Reaction = () => {};
