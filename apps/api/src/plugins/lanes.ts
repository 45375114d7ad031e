import type { ClaimJob } from '@flashclaim/core';
import { openQueue } from '@flashclaim/lanes';
import type { Queue } from 'bullmq';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    /** The queues of the lanes, by lane number. */
    lanes: readonly Queue<ClaimJob, void>[];
  }
}

/** One queue for each lane. All share the API's connection to Redis. */
export const lanes = fp<{ count: number }>(
  async (app, { count }) => {
    const queues = Array.from({ length: count }, (_, lane) => openQueue(lane, app.redis));
    app.addHook('onClose', async () => {
      await Promise.all(queues.map((queue) => queue.close()));
    });
    await Promise.all(queues.map((queue) => queue.waitUntilReady()));
    app.decorate('lanes', queues);
  },
  { name: 'lanes', dependencies: ['redis'] },
);
