import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import staticFiles from '@fastify/static';
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { runTestSale, TestSaleSchema } from '../admin/live/test-sale.ts';
import { PAGE_SECURITY, servePages } from '../admin/serve-pages.ts';
import { ProblemError } from '../http/problem.ts';
import { requireStores } from '../stores/require-stores.ts';
import { CLAIM_PATH } from './claims.ts';

export const LIVE_EVENTS_PATH = '/live/events';
export const TEST_SALE_PATH = '/live/test-sale';

const PAGE_FOLDER = join(import.meta.dirname, '../admin/live/page');
const CHART_FOLDER = dirname(fileURLToPath(import.meta.resolve('uplot/dist/uPlot.esm.js')));

/** The live page, its files, its stream of events, and test sales. */
export const liveRoutes: FastifyPluginAsyncTypebox<{ testSales: boolean }> = async (app, { testSales }) => {
  await servePages(app, PAGE_SECURITY);
  await app.register(staticFiles, {
    root: [PAGE_FOLDER, CHART_FOLDER],
    prefix: '/live/assets/',
    // Browsers revalidate each file, and mostly get 304: a page must not be of another version than its API.
    cacheControl: false,
    setHeaders: (reply) => void reply.header('cache-control', 'no-cache'),
  });
  app.get('/live', (_, reply) => reply.sendFile('index.html', PAGE_FOLDER));

  app.get(LIVE_EVENTS_PATH, { exposeHeadRoute: false }, async (_, reply) => {
    if (app.livePages.isFull)
      throw new ProblemError('overloaded', 'Too many live pages are open at this API. Close some.');
    // From here on Fastify does not write the response, so the headers that its hooks have set are copied.
    const headers = Object.fromEntries(
      Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)]),
    );
    reply.hijack();
    app.livePages.open(reply.raw, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A stopping process closes the connection, and a proxy in front must not buffer the events.
      connection: 'close',
      'x-accel-buffering': 'no',
    });
  });
  if (testSales) addTestSale(app);
};

const addTestSale = (app: Parameters<FastifyPluginAsyncTypebox>[0]): void => {
  let running = false;
  app.post(TEST_SALE_PATH, { schema: { body: TestSaleSchema } }, async (request, reply) => {
    if (running) throw new ProblemError('overloaded', 'A test sale is running in this process. Wait until it ends.');
    requireStores(app.stores);
    running = true;
    const { mongo, stopSignal: signal } = app;
    const lines = runTestSale({
      sale: request.body,
      mongo,
      signal,
      claimPath: CLAIM_PATH,
      claimKey: app.claimAccess.ownKey,
      baseUrl: ownUrl(app.server.address() as AddressInfo),
    });
    const stream = Readable.from(toText(lines));
    stream.once('close', () => {
      running = false;
    });
    // A stopping process would wait for a connection that is kept after the stream.
    reply.type('application/x-ndjson').headers({ 'cache-control': 'no-store', connection: 'close' });
    return reply.send(stream);
  });
};

async function* toText(lines: AsyncIterable<unknown>) {
  for await (const line of lines) yield `${JSON.stringify(line)}\n`;
}

/** The URL of this process, for calls from itself. */
const ownUrl = ({ address, family, port }: AddressInfo): string => {
  const loopbacks: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const host = loopbacks[address] ?? address;
  return `http://${family === 'IPv6' ? `[${host}]` : host}:${port}`;
};
