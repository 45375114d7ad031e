import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ProblemCode } from '@flashclaim/core';
import type { ConnectionError, FastifyBaseLogger } from 'fastify';
import { newProblem, problemsAnswered } from './problem.ts';
import { requestId } from './request-id.ts';

/**
 * After the answer to a request that is not HTTP: how long the rest is read and dropped, so that the answer arrives.
 */
const CLIENT_ERROR_LINGER_MS = 1_000;

const CODES: Record<string, { code: ProblemCode; detail: string }> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'request_timeout',
    detail: 'The request took too long to arrive. Send it at once.',
  },
  HPE_HEADER_OVERFLOW: {
    code: 'headers_too_large',
    detail: 'The address and the headers together are too long. Send shorter ones.',
  },
};

const NO_TUNNEL = { code: 'invalid_request', detail: 'CONNECT asks for a tunnel: there is none here.' } as const;
const NO_HTTP = { code: 'invalid_request', detail: 'What arrived is no HTTP request.' } as const;

/** Answers what never becomes a request, because Node could not read it: a problem like any other, and then the end. */
export const answerClientError = (error: ConnectionError, socket: Socket, log: Pick<FastifyBaseLogger, 'debug'>) => {
  // What comes after the answer is no HTTP either, and was answered.
  if (socket.writableEnded) return;
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const id = endWithProblem(socket, CODES[error.code] ?? NO_HTTP);
  log.debug({ error: error.code, request_id: id }, 'a request could not be read');
};

/** Answers CONNECT, which asks for a tunnel: Node takes it for no request either, and would end the connection in silence. */
export const answerConnect = (socket: Socket): void => {
  // Node watches it no more, and an error that nobody hears would end the process.
  socket.on('error', () => {});
  if (isAnswering(socket)) socket.destroy();
  else endWithProblem(socket, NO_TUNNEL);
};

/** Writes a problem, and ends the connection once it had time to arrive. Returns the request id. */
const endWithProblem = (socket: Socket, { code, detail }: { code: ProblemCode; detail: string }): string => {
  const id = requestId();
  const problem = newProblem(code, detail, id);
  problemsAnswered[code]++;
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Content-Type: application/problem+json; charset=utf-8',
    // biome-ignore lint/plugin/wall-clock: a stamp: the header Date.
    `Date: ${new Date().toUTCString()}`,
    `x-request-id: ${id}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // With bytes unread, closing would reset the connection, and the answer might be lost on its way.
  socket.resume();
  socket.setTimeout(0);
  setTimeout(() => socket.destroy(), CLIENT_ERROR_LINGER_MS).unref();
  return id;
};

/**
 * Whether an earlier request on this connection, complete as it is, waits for its answer: whatever came now would be taken for
 * that, and a refusal for one of a claim that stands. Node itself looks at the same field before it answers.
 */
const isAnswering = (socket: Socket & { _httpMessage?: ServerResponse | null }): boolean => {
  const response = socket._httpMessage;
  return response ? response.headersSent || response.req.complete : false;
};
