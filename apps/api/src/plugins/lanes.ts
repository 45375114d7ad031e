import { EVENTS_KEPT_MAX, laneName, lanePrefix } from '@flashclaim/core';
import { Queue } from 'bullmq';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** The queues of the lanes, by lane number. */
    lanes: readonly Queue[];
  }
}

/** One queue for each lane, all on the API's one connection. */
export const lanes = fp<{ count: number }>(
  async (app, { count }) => {
    const queues = Array.from({ length: count }, (_, lane) => {
      const queue = new Queue(laneName(lane), {
        connection: app.redis,
        prefix: lanePrefix(lane),
        streams: { events: { maxLen: EVENTS_KEPT_MAX } },
      });
      // The connection reports its own trouble; without a listener an error would end the process.
      queue.on('error', () => {});
      return queue;
    });
    app.addHook('onClose', async () => {
      await Promise.all(queues.map((queue) => queue.close()));
    });
    await Promise.all(queues.map((queue) => queue.waitUntilReady()));
    app.decorate('lanes', queues);
  },
  { name: 'lanes', dependencies: ['redis'] },
);
