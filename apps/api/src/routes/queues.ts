import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyPluginAsync } from 'fastify';
import { type BoardOptions, openBoardLane } from '../admin/queues/board-lane.ts';
import { BoardLanes } from '../admin/queues/board-lanes.ts';
import { DecidedJobs } from '../admin/queues/decided-jobs.ts';
import { BOARD_SECURITY, servePages } from '../admin/serve-pages.ts';
import { isDecodable } from '../http/is-decodable.ts';
import { BAD_ADDRESS, sendProblem } from '../http/problem.ts';

const BASE_PATH = '/admin/queues';

/** Bull Board's page loads a font from another host, which would learn of every visit. The font is removed. */
const FOREIGN_FONT = /<link href="https:\/\/fonts\.[^>]*>/;

/** Calls that send the data of a job. The page shows other data than Redis stores: sent back, no worker could read it. */
const SENDS_DATA = /\/(update-data|add)$/;

/** Bull Board over all lanes. It is read-only, unless the deployment allows changes. */
export const queueRoutes: FastifyPluginAsync<BoardOptions> = async (app, options) => {
  await servePages(app, BOARD_SECURITY);
  app.addHook('onRequest', async (_request, reply) =>
    // Sent here and not thrown: Bull Board has an error handler of its own.
    app.stores.redis.isDown
      ? sendProblem(reply, 'unavailable', 'Redis does not answer. Try again shortly.')
      : undefined,
  );
  app.addHook('onRequest', async ({ query }, reply) =>
    // Bull Board decodes the values once more, and would answer 500.
    Object.values(query as object).every((value) => isDecodable(String(value)))
      ? undefined
      : sendProblem(reply, 'invalid_request', BAD_ADDRESS),
  );
  app.addHook('onRequest', () => lanes.showUsed());
  app.addHook('onRequest', async (request, reply) =>
    // By the route, because an address can be spelled in many ways.
    SENDS_DATA.test(request.routeOptions.url ?? '')
      ? sendProblem(reply, 'invalid_request', "The data of a job is read-only here: it can't be edited or sent again.")
      : undefined,
  );
  app.addHook('onSend', async (_request, _reply, payload) =>
    typeof payload === 'string' && payload.startsWith('<') ? payload.replace(FOREIGN_FONT, '') : payload,
  );
  const adapter = new FastifyAdapter();
  const board = createBullBoard({
    queues: [...app.lanes.map((queue) => openBoardLane(queue, options)), new DecidedJobs(app)],
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
