import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ProblemCode } from '@flashclaim/core';
import type { ConnectionError, FastifyBaseLogger } from 'fastify';
import { COMMON_HEADERS } from './common-headers.ts';
import { newRawProblem, RAW_PROBLEM_TYPE } from './raw-problem.ts';

/**
 * After the answer to a request that is not HTTP: how long the rest is read and dropped, so that the answer arrives.
 */
const CLIENT_ERROR_LINGER_MS = 1_000;

const CODES: Record<string, { code: ProblemCode; detail: string }> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    code: 'request_timeout',
    detail: 'The request took too long to arrive. Send it faster.',
  },
  HPE_HEADER_OVERFLOW: {
    code: 'headers_too_large',
    detail: 'The address and the headers are too long together. Send fewer or shorter headers, or a shorter address.',
  },
};

const NO_TUNNEL = {
  code: 'invalid_request',
  detail: "CONNECT can't open a tunnel here: this server is not a proxy.",
} as const;
const NO_HTTP = { code: 'invalid_request', detail: 'This is not a valid HTTP request.' } as const;

/** Where Node could not read bytes as a request, answers with a problem and closes the connection. */
export const answerClientError = (error: ConnectionError, socket: Socket, log: Pick<FastifyBaseLogger, 'debug'>) => {
  // More bytes that are not HTTP: their problem was sent already.
  if (socket.writableEnded) return;
  if (error.code === 'ECONNRESET' || !socket.writable || isAnswering(socket)) {
    socket.destroy();
    return;
  }
  const id = endWithProblem(socket, CODES[error.code] ?? NO_HTTP);
  log.debug({ error: error.code, request_id: id }, 'a request could not be read');
};

/** Answers CONNECT, which asks for a tunnel. Node makes no request of it, and would close the connection without an answer. */
export const answerConnect = (socket: Socket): void => {
  // Node listens to this socket no more, and an error without a listener would end the process.
  socket.on('error', () => {});
  if (isAnswering(socket)) socket.destroy();
  else endWithProblem(socket, NO_TUNNEL);
};

/** Writes a problem, and closes the connection after the problem had time to arrive. Returns the request id. */
const endWithProblem = (socket: Socket, { code, detail }: { code: ProblemCode; detail: string }): string => {
  const { requestId, status, body, bodyBytes } = newRawProblem(code, detail);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    `Content-Length: ${bodyBytes}`,
    `Content-Type: ${RAW_PROBLEM_TYPE}`,
    ...Object.entries(COMMON_HEADERS).map(([name, value]) => `${name}: ${value}`),
    // biome-ignore lint/plugin/wall-clock: a stamp: the header Date.
    `Date: ${new Date().toUTCString()}`,
    `x-request-id: ${requestId}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // Closing a connection with unread bytes resets it, and the answer could be lost. So read and drop them.
  socket.resume();
  socket.setTimeout(0);
  setTimeout(() => socket.destroy(), CLIENT_ERROR_LINGER_MS).unref();
  return requestId;
};

/**
 * Whether an earlier request on this connection is complete and waits for its answer. The caller would take a problem that is
 * written now for that answer, and believe that an existing claim was refused. Node checks the same field before it answers.
 */
const isAnswering = (socket: Socket & { _httpMessage?: ServerResponse | null }): boolean => {
  const response = socket._httpMessage;
  return response ? response.headersSent || response.req.complete : false;
};
