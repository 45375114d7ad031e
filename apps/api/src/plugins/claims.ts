import { type ClaimJobResult, laneName, lanePrefix } from '@flashclaim/core';
import { createRedis } from '@flashclaim/service';
import { QueueEvents } from 'bullmq';
import fp from 'fastify-plugin';
import { Gather } from '../claims/gather.ts';
import { LaneJobs } from '../claims/lane-jobs.ts';
import { rememberPending } from '../claims/pending-claims.ts';
import { createSubmit } from '../claims/submit.ts';

declare module 'fastify' {
  interface FastifyInstance {
    submitClaim: ReturnType<typeof createSubmit>;
  }
}

export interface ClaimsOptions {
  redisUrl: string;
  waitMs: number;
  pendingMax: number;
}

/** The path of a claim through this process: submit → gather → lane, and the answers back. */
export const claims = fp<ClaimsOptions>(
  async (app, { redisUrl, waitMs, pendingMax }) => {
    const { lanes, mongo, log } = app;
    const jobs = new LaneJobs({ lanes, mongo, log });
    // Answers are read on connections of their own, which wait for Redis as long as it takes.
    const events = lanes.map((_, lane) => {
      const connection = createRedis(redisUrl, { maxRetriesPerRequest: null });
      connection.on('error', () => {});
      const reader = new QueueEvents(laneName(lane), { connection, prefix: lanePrefix(lane) });
      reader.on('error', (error) =>
        log.warn({ lane, error: error.message }, 'answers can not be read; it goes on by itself'),
      );
      reader.on('completed', ({ jobId, returnvalue }) => jobs.answer(jobId, returnvalue as unknown as ClaimJobResult));
      reader.on('failed', ({ jobId }) => {
        jobs
          .look(jobId)
          .catch((error: Error) =>
            log.warn({ job: jobId, error: error.message }, 'a failed job could not be looked at'),
          );
      });
      return { connection, reader };
    });
    app.addHook('onClose', async () => {
      jobs.close();
      await Promise.all(events.map(({ reader }) => reader.close()));
      for (const { connection } of events) connection.disconnect();
    });
    await Promise.all(events.map(({ reader }) => reader.waitUntilReady()));

    app.decorate(
      'submitClaim',
      createSubmit({
        gathers: lanes.map((_, lane) => new Gather((gathered) => jobs.send(lane, gathered))),
        waitMs,
        pendingMax,
        settledLate: (claim, settled) => {
          rememberPending(app, claim, settled).catch((error: Error) =>
            log.warn(
              { claim: claim.id, error: error.message },
              'a late decision could not be noted; its job still tells it',
            ),
          );
        },
      }),
    );
  },
  { name: 'claims', dependencies: ['lanes', 'mongo'] },
);
