import { JOBS_UNDER_WAY_MAX } from '@flashclaim/core';
import fp from 'fastify-plugin';
import { listenForAnswers } from '../claims/answers.ts';
import { Gather } from '../claims/gather.ts';
import { LaneJobs } from '../claims/lane-jobs.ts';
import { rememberPending } from '../claims/pending-claims.ts';
import { createSubmit } from '../claims/submit.ts';
import type { Settled, WaitingClaim } from '../claims/waiting-claim.ts';

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
    const note = (claim: WaitingClaim, settled?: Settled): void => {
      rememberPending(app, claim, settled).catch((error: Error) =>
        log.warn(
          { claim: claim.id, error: error.message },
          'a pending claim could not be noted; its job still tells it',
        ),
      );
    };
    const jobs = new LaneJobs({ lanes, mongo, log, pendingAgain: note });
    const closeAnswers = await listenForAnswers(redisUrl, jobs, log);
    app.addHook('onClose', async () => {
      jobs.close();
      closeAnswers();
    });

    app.decorate(
      'submitClaim',
      createSubmit({
        gathers: lanes.map(
          (_, lane) => new Gather({ underWayMax: JOBS_UNDER_WAY_MAX, send: (gathered) => jobs.send(lane, gathered) }),
        ),
        mongo,
        log,
        waitMaxMs: waitMs,
        pendingMax,
        settledLate: note,
      }),
    );
  },
  { name: 'claims', dependencies: ['lanes', 'mongo'] },
);
