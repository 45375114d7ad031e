import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { StartError } from '@flashclaim/runtime';

/** What the worker answers to a question, and whether all is well. */
export interface Status {
  ok: boolean;
  body: string;
  contentType: string;
}

/** The questions, by path. */
export type Questions = Record<string, () => Status | Promise<Status>>;

/** A status that says what is wrong in one sentence; nothing where all is well. */
export const toStatus = (detail: string | undefined): Status => ({
  ok: detail === undefined,
  body: JSON.stringify(detail === undefined ? { status: 'ok' } : { status: 'unavailable', detail }),
  contentType: 'application/json; charset=utf-8',
});

const listener =
  (questions: Questions): RequestListener =>
  async (request, response) => {
    const answer = Object.hasOwn(questions, request.url ?? '') ? questions[request.url as string] : undefined;
    // Nothing that is asked here has a body, and nothing of a foreign one is read.
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
 * Answers questions about this worker. Without a port it takes the usual one, or, as several workers may share a machine,
 * any that is free.
 * @throws StartError where the port that was named is taken.
 */
export const openStatusServer = async (
  questions: Questions,
  { host, port, usualPort }: { host: string; port: number | undefined; usualPort: number },
): Promise<Listening> => {
  const server = createServer(listener(questions));
  try {
    await listen(server, host, port ?? usualPort);
  } catch (error) {
    if (port !== undefined)
      throw new StartError(`WORKER_PORT ${port} on ${host} can't be had: ${(error as Error).message}.`);
    await listen(server, host, 0);
  }
  return { server, port: (server.address() as AddressInfo).port };
};

const listen = async (server: Server, host: string, port: number): Promise<void> => {
  server.listen({ host, port });
  await once(server, 'listening');
};
