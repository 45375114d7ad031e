import type { ServerOptions } from 'node:http';
import type { Socket } from 'node:net';
import fp from 'fastify-plugin';
import { answerConnect } from '../http/client-error.ts';

/** Checks for slow senders within their time limit. The limit may be exceeded by a sixth. */
const RECEIVE_CHECKS = 6;

/** Settings of Node's HTTP server whose defaults are not ours. */
export const connectionOptions = (receiveMs: number): ServerOptions => ({
  // The head of a request has no more time than all of it. Where it has, as by Node's default of 60 s, Node swaps the two.
  headersTimeout: receiveMs,
  // By default Node looks for slow senders every 30 s, so that the bound on receiving may be twice what it says.
  connectionsCheckingInterval: Math.ceil(receiveMs / RECEIVE_CHECKS),
  // Node keeps the first of two headers and drops the other. Joined, a second Host, type or token is seen, and refused.
  joinDuplicateHeaders: true,
  // Node would refuse a request without Host in a word of its own; the plugin `errors` does as everywhere.
  requireHostHeader: false,
});

/** What callers may do with a connection, and Node by itself would end. */
export const connections = fp(
  async (app) => {
    // A caller may close their side once the request is sent. By default Node then closes the other side, and drops the answer.
    Object.assign(app.server, { httpAllowHalfOpen: true });
    app.server.on('connect', (_request, socket) => answerConnect(socket as Socket));
  },
  { name: 'connections' },
);
