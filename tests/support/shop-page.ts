import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

const CLIENT = join(import.meta.dirname, '../../packages/client/src');

/** A shop's page on an origin of its own, and the client's modules beside it. */
export interface ShopPage {
  url: string;
  close(): Promise<void>;
}

/** Serves the page and, at `/client/index.ts`, the sources of the client as JavaScript. */
export const serveShopPage = async (): Promise<ShopPage> => {
  const server = createServer(async (request, response) => {
    const [, file] = /^\/client\/([a-z-]+\.ts)$/.exec(request.url ?? '') ?? [];
    if (!file) return response.setHeader('content-type', 'text/html').end('<!doctype html><title>Shop</title>');
    const source = await readFile(join(CLIENT, file), 'utf8');
    return response.setHeader('content-type', 'text/javascript').end(stripTypeScriptTypes(source));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
};
