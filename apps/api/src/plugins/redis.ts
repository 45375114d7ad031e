import { QUERY_TIMEOUT_MS, REDIS_SILENCE_MAX_MS } from '@flashclaim/core';
import { createRedis, type RedisConnection, readyRedis } from '@flashclaim/runtime';
import fp from 'fastify-plugin';

declare module 'fastify' {
  interface FastifyInstance {
    redis: RedisConnection;
  }
}

/** The connection that enqueues jobs. It fails at once while Redis is down, so that callers do not wait for a reconnect. */
export const redis = fp<{ url: string }>(
  async (app, { url }) => {
    const connection = createRedis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      commandTimeout: QUERY_TIMEOUT_MS,
      socketTimeout: REDIS_SILENCE_MAX_MS,
    });
    connection.on('error', (error: Error) =>
      app.log.warn({ error: error.message }, 'Redis is down: claims are answered 503 until it is up again'),
    );
    app.addHook('onClose', async () => connection.disconnect());
    await readyRedis(connection);
    app.decorate<RedisConnection, 'redis'>('redis', connection);
  },
  { name: 'redis' },
);
