import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartError } from '@flashclaim/runtime';

/** An answer. `ok` decides between 200 and 503. */
export interface Status {
  ok: boolean;
  body: string;
  contentType: string;
}

/** The routes, by path. */
export type StatusRoutes = Record<string, () => Status | Promise<Status>>;

/** The answer of a health route. `detail` says what is wrong; undefined where nothing is. */
export const toStatus = (detail: string | undefined): Status => ({
  ok: detail === undefined,
  body: JSON.stringify(detail === undefined ? { status: 'ok' } : { status: 'unavailable', detail }),
  contentType: 'application/json; charset=utf-8',
});

const listener =
  (routes: StatusRoutes): RequestListener =>
  async (request, response) => {
    const answer = Object.hasOwn(routes, request.url ?? '') ? routes[request.url as string] : undefined;
    // No route takes a body. Closing the connection discards a body without reading it.
    response.setHeader('connection', 'close');
    if (!answer || !['GET', 'HEAD'].includes(request.method ?? '')) {
      response.writeHead(404).end();
      return;
    }
    try {
      const { ok, body, contentType } = await answer();
      response.writeHead(ok ? 200 : 503, { 'content-type': contentType }).end(body);
    } catch {
      response.writeHead(503).end();
    }
  };

export interface Listening {
  server: Server;
  port: number;
}

/**
 * Opens the HTTP server of a worker. Without a `port` it uses the default port, or any free port if that is in use, because
 * several workers may share a machine.
 * @throws StartError where `port` is in use.
 */
export const openStatusServer = async (
  routes: StatusRoutes,
  { host, port, defaultPort }: { host: string; port: number | undefined; defaultPort: number },
): Promise<Listening> => {
  const server = createServer(listener(routes));
  try {
    await listen(server, host, port ?? defaultPort);
  } catch (error) {
    if (port !== undefined)
      throw new StartError(`WORKER_PORT ${port} on ${host} can't be used: ${(error as Error).message}.`);
    await listen(server, host, 0);
  }
  return { server, port: (server.address() as AddressInfo).port };
};

const listen = async (server: Server, host: string, port: number): Promise<void> => {
  server.listen({ host, port });
  await once(server, 'listening');
};
