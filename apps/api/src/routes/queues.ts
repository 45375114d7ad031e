import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyPluginAsync } from 'fastify';
import { sendProblem } from '../problem.ts';
import { openBoardLane } from '../queues/board-lane.ts';
import { BOARD_SECURITY, servePages } from '../serve-pages.ts';

const BASE_PATH = '/admin/queues';

/** The library's page asks for a font elsewhere. Nothing here tells others that somebody looks. */
const FOREIGN_FONT = /<link href="https:\/\/fonts\.[^>]*>/;

/** What is shown is not what is stored: sent back, it would overwrite the claims of a job. */
const EDIT_DATA = /\/update-data(\?|$)/;

/** Bull Board over all lanes; looking only, unless the deployment says otherwise. */
export const queueRoutes: FastifyPluginAsync<{ write: boolean }> = async (app, { write }) => {
  await servePages(app, BOARD_SECURITY);
  app.addHook('onRequest', async (_request, reply) =>
    // Answered here for the same reason as there.
    app.stores.redis.away ? sendProblem(reply, 'unavailable', 'Redis does not answer. Try again shortly.') : undefined,
  );
  app.addHook('onRequest', async (request, reply) =>
    EDIT_DATA.test(request.url)
      ? sendProblem(reply, 'invalid_request', 'The data of a job can be looked at here, not edited.')
      : undefined,
  );
  app.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' && payload.startsWith('<') ? payload.replace(FOREIGN_FONT, '') : payload,
  );
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: app.lanes.map((queue) => openBoardLane(queue, { write })),
    serverAdapter: adapter,
    options: {
      uiConfig: {
        boardTitle: 'Flashclaim',
        miscLinks: [
          { text: 'Live', url: '/live' },
          { text: 'API docs', url: '/docs' },
        ],
        hideDocsLink: true,
      },
    },
  });
  adapter.setBasePath(BASE_PATH);
  await app.register(adapter.registerPlugin(), { prefix: BASE_PATH });
};
