import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyPluginAsync } from 'fastify';
import { sendProblem } from '../problem.ts';

const BASE_PATH = '/admin/queues';

/** Bull Board over all lanes; looking only, unless the deployment says otherwise. */
export const queueRoutes: FastifyPluginAsync<{ write: boolean }> = async (app, { write }) => {
  app.addHook('onRequest', app.requireAdmin);
  app.addHook('onRequest', async (_request, reply) =>
    // Answered here for the same reason as there.
    app.stores.redis.away ? sendProblem(reply, 'unavailable', 'Redis does not answer. Try again shortly.') : undefined,
  );
  // A page for people, and what it is made of.
  app.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true };
  });
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: app.lanes.map((queue) => new BullMQAdapter(queue, { readOnlyMode: !write })),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Flashclaim' } },
  });
  adapter.setBasePath(BASE_PATH);
  await app.register(adapter.registerPlugin(), { prefix: BASE_PATH });
};
