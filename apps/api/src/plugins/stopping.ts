import type { RequestListener, ServerResponse } from 'node:http';
import { Server, type Socket } from 'node:net';
import { setImmediate as arrived, setTimeout as sleep } from 'node:timers/promises';
import { RETRY_AFTER_MAX_SECONDS } from '@flashclaim/core';
import fp from 'fastify-plugin';
import { newProblem, problemsAnswered, randomSeconds } from '../http/problem.ts';
import { requestId } from '../http/request-id.ts';

/** On shutdown: how long to wait for the first request of a connection that has sent nothing yet. */
const SILENT_CONNECTION_MAX_MS = 1_000;

/**
 * On shutdown: how long idle connections stay open, so that their next request gets a 503 with `Connection: close`.
 */
const LEAVE_MS = 250;

/** How often idle connections are checked in that time. */
const LEAVE_TICK_MS = 10;

/** Node keeps the response that a connection waits for there. */
type HttpSocket = Socket & { _httpMessage?: ServerResponse | null };

/**
 * The order of an end: nobody new is let in, who waits gets their answer, and each connection closes behind it. By itself a
 * connection that waited would be kept open for the next request, and this process would wait for it.
 */
export const stopping = fp(
  async (app) => {
    const sockets = new Set<HttpSocket>();
    app.server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });

    app.addHook('preClose', async () => {
      // Fastify would answer newcomers by itself, but with no problem. Only from now on, so that no request pays for it before.
      app.server.removeAllListeners('request');
      app.server.on('request', turnAway);
      for (const { _httpMessage: response } of sockets)
        if (response && !response.headersSent) response.shouldKeepAlive = false;
      // What has arrived by now is accepted and read first. Then the door is closed, and only who is inside may go on asking.
      await arrived();
      Server.prototype.close.call(app.server);
      // Node counts a connection that has never sent anything as busy, and would wait for it. Its request may be on its way.
      setTimeout(() => {
        for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
      }, SILENT_CONNECTION_MAX_MS).unref();

      // A connection that is closed while a request is on its way is a request that failed: who asks again soon is told before.
      const leaveAt = performance.now() + LEAVE_MS;
      const isAnyIdle = () => [...sockets].some(({ _httpMessage: response }) => !response);
      while (isAnyIdle() && performance.now() < leaveAt) await sleep(LEAVE_TICK_MS);
      await arrived();
    });
  },
  { name: 'stopping' },
);

/** Once the whole request is here: a connection that is closed while some of it is unread is reset, and its answer lost. */
const turnAway: RequestListener = (request, response) => {
  request.resume().once('end', () => refuse(response));
};

const refuse = (response: ServerResponse): void => {
  const id = requestId();
  const problem = newProblem('unavailable', 'This process is stopping. Nothing was done. Try again shortly.', id);
  problemsAnswered.unavailable++;
  const body = JSON.stringify(problem);
  const headers = {
    connection: 'close',
    'content-length': String(Buffer.byteLength(body)),
    'content-type': 'application/problem+json; charset=utf-8',
    'retry-after': String(randomSeconds(RETRY_AFTER_MAX_SECONDS)),
    'x-request-id': id,
  };
  response.writeHead(problem.status, headers).end(body);
};
