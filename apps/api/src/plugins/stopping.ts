import type { RequestListener, ServerResponse } from 'node:http';
import { Server, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { RETRY_AFTER_MAX_SECONDS } from '@flashclaim/core';
import fp from 'fastify-plugin';
import { COMMON_HEADERS } from '../http/common-headers.ts';
import { randomSeconds } from '../http/problem.ts';
import { newRawProblem, RAW_PROBLEM_TYPE } from '../http/raw-problem.ts';

/** On shutdown: how long to wait for the first request of a connection that has sent nothing yet. */
const SILENT_CONNECTION_MAX_MS = 1_000;

/**
 * On shutdown: how long idle connections stay open, so that their next request gets a 503 with `Connection: close`.
 */
const LEAVE_MS = 250;

/** How often idle connections are checked in that time. */
const LEAVE_TICK_MS = 10;

/** Node keeps the response that a connection waits for in `_httpMessage`. */
type HttpSocket = Socket & { _httpMessage?: ServerResponse | null };

/**
 * Shuts down in order: new requests are rejected, waiting callers get their answers, and each connection closes after its
 * answer. By default Node keeps such a connection open for the next request, and this process would wait for it.
 */
export const stopping = fp(
  async (app) => {
    const sockets = new Set<HttpSocket>();
    app.server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });

    app.addHook('preClose', async () => {
      // Fastify itself would answer new requests 503, but not with a problem. Replaced only now, so that no request before
      // costs more.
      app.server.removeAllListeners('request');
      app.server.on('request', rejectRequest);
      for (const { _httpMessage: response } of sockets)
        if (response && !response.headersSent) response.shouldKeepAlive = false;
      // Connections and requests that have arrived by now are read first. Then no new connection is accepted.
      await nextTurn();
      Server.prototype.close.call(app.server);
      // Node counts a connection that has never sent a byte as busy, and would wait for it. Its request may arrive soon.
      setTimeout(() => {
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      }, SILENT_CONNECTION_MAX_MS).unref();

      // A request that is sent while its connection closes fails. So idle connections stay open a moment, and their next
      // request is answered 503 with `Connection: close`.
      const leaveAt = performance.now() + LEAVE_MS;
      const isAnyIdle = () => [...sockets].some(({ _httpMessage: response }) => !response);
      while (isAnyIdle() && performance.now() < leaveAt) await sleep(LEAVE_TICK_MS);
      await nextTurn();
    });
  },
  { name: 'stopping' },
);

/** Reads the whole request first: closing a connection with unread bytes resets it, and the answer could be lost. */
const rejectRequest: RequestListener = (request, response) => {
  request.resume().once('end', () => answerStopping(response));
};

const answerStopping = (response: ServerResponse): void => {
  const detail = 'This process is stopping. Nothing was done. Try again shortly.';
  const { requestId, status, body, bodyBytes } = newRawProblem('unavailable', detail);
  const headers = {
    ...COMMON_HEADERS,
    connection: 'close',
    'content-length': String(bodyBytes),
    'content-type': RAW_PROBLEM_TYPE,
    'retry-after': String(randomSeconds(RETRY_AFTER_MAX_SECONDS)),
    'x-request-id': requestId,
  };
  response.writeHead(status, headers).end(body);
};
