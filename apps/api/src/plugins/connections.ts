import type { ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import fp from 'fastify-plugin';
import { answerConnect } from '../http/client-error.ts';

/** Checks for slow senders within their time limit. The limit may be exceeded by a sixth. */
const RECEIVE_CHECKS = 6;

/** Settings of Node's HTTP server that differ from its defaults. */
export const connectionOptions = (receiveMs: number): ServerOptions => ({
  // The headers may not take longer than the whole request: where they may, as by Node's default of 60 s, Node swaps the two.
  headersTimeout: receiveMs,
  // By default Node checks for slow senders every 30 s, so that a request could take twice its limit.
  connectionsCheckingInterval: Math.ceil(receiveMs / RECEIVE_CHECKS),
  // By default Node drops the second of two equal headers. Joined, a second Host, type or token is noticed and rejected.
  joinDuplicateHeaders: true,
  // The plugin `errors` rejects a request without Host with a problem. Node would answer without one.
  requireHostHeader: false,
});

/** Answers on connections that Node would close by default: half-closed ones, and those of CONNECT. */
export const connections = fp(
  async (app) => {
    // A caller may close their side after the request. By default Node then closes the other side, and drops the answer.
    Object.assign(app.server, { httpAllowHalfOpen: true });
    app.server.on('connect', (_request, socket) => answerConnect(socket as Socket));
  },
  { name: 'connections' },
);
