import fp from 'fastify-plugin';
import { LivePages } from '../admin/live/live-pages.ts';
import { LiveReader } from '../admin/live/live-reader.ts';

declare module 'fastify' {
  interface FastifyInstance {
    livePages: LivePages;
    /** Aborted as soon as this process begins to stop. */
    stopSignal: AbortSignal;
  }
}

/** The open live pages, and the one reader that sends them updates. */
export const live = fp<{ testSales: boolean }>(
  async (app, { testSales }) => {
    const { mongo, redis, stores, lanes, claimPath } = app;
    const pages: LivePages = new LivePages({ onFirst: () => reader.start(), onLast: () => reader.stop() });
    const reader = new LiveReader({
      mongo,
      redis,
      stores,
      lanes,
      testSales,
      claimsInLanes: () => claimPath.claimsInLanes,
      pages: () => pages.count,
      send: (update, whole) => pages.send(JSON.stringify(update), () => JSON.stringify(whole())),
    });
    const stop = new AbortController();
    app.decorate('livePages', pages);
    app.decorate('stopSignal', stop.signal);
    // A stopping process would wait for an open stream.
    app.addHook('preClose', async () => {
      stop.abort();
      reader.stop();
      pages.close();
    });
  },
  { name: 'live', dependencies: ['mongo', 'redis', 'stores', 'lanes', 'claims'] },
);
