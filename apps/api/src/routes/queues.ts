import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyPluginAsync } from 'fastify';
import { type BoardOptions, openBoardLane } from '../admin/queues/board-lane.ts';
import { BoardLanes } from '../admin/queues/board-lanes.ts';
import { BOARD_SECURITY, servePages } from '../admin/serve-pages.ts';
import { sendProblem } from '../http/problem.ts';

const BASE_PATH = '/admin/queues';

/** The library's page asks for a font elsewhere. Nothing here tells others that somebody looks. */
const FOREIGN_FONT = /<link href="https:\/\/fonts\.[^>]*>/;

/** Calls that send the data of a job. What is shown is not what is stored: sent back, it would be no claims any more. */
const SENDS_DATA = /\/(update-data|add)$/;

/** Bull Board over all lanes; looking only, unless the deployment says otherwise. */
export const queueRoutes: FastifyPluginAsync<BoardOptions> = async (app, options) => {
  await servePages(app, BOARD_SECURITY);
  app.addHook('onRequest', async (_request, reply) =>
    // Answered here for the same reason as there.
    app.stores.redis.isDown
      ? sendProblem(reply, 'unavailable', 'Redis does not answer. Try again shortly.')
      : undefined,
  );
  app.addHook('onRequest', () => lanes.showUsed());
  app.addHook('onRequest', async (request, reply) =>
    // By the route: an address can be written in many ways.
    SENDS_DATA.test(request.routeOptions.url ?? '')
      ? sendProblem(reply, 'invalid_request', 'The data of a job can be looked at here, not edited nor sent anew.')
      : undefined,
  );
  app.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' && payload.startsWith('<') ? payload.replace(FOREIGN_FONT, '') : payload,
  );
  const adapter = new FastifyAdapter();
  const board = createBullBoard({
    queues: app.lanes.map((queue) => openBoardLane(queue, options)),
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
  const lanes = new BoardLanes(app, (queue) => board.addQueue(openBoardLane(queue, options)));
  app.addHook('onClose', () => lanes.close());
  adapter.setBasePath(BASE_PATH);
  await app.register(adapter.registerPlugin(), { prefix: BASE_PATH });
};
