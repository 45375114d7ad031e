import { JOBS_UNDER_WAY_MAX } from '@flashclaim/core';
import fp from 'fastify-plugin';
import { listenForAnswers } from '../claims/answers.ts';
import { ClaimStatuses } from '../claims/claim-statuses.ts';
import { Door } from '../claims/door.ts';
import { Gather } from '../claims/gather.ts';
import { Intake } from '../claims/intake.ts';
import { LaneJobs } from '../claims/lane-jobs.ts';
import { LoopWatch } from '../claims/loop-watch.ts';
import { PendingClaims } from '../claims/pending-claims.ts';
import { PendingSize } from '../claims/pending-size.ts';
import { createSubmit } from '../claims/submit.ts';

declare module 'fastify' {
  interface FastifyInstance {
    submitClaim: ReturnType<typeof createSubmit>;
    pendingClaims: PendingClaims;
    claimStatuses: ClaimStatuses;
    claimDoor: Door;
    /** Claims in this process that are not decided yet, by lane. */
    claimsInLanes: () => number[];
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
    const { lanes, mongo, mongoProbe, databaseClock, stores, log } = app;
    const jobs = new LaneJobs({ lanes, mongo, databaseClock, redis: stores.redis, mongoWatch: stores.mongo, log });
    const pendingSize = new PendingSize({ mongo: mongoProbe, log });
    const isFull = () => pendingSize.isFull;
    const pendingClaims = new PendingClaims({ mongo, mongoWatch: stores.mongo, isFull, log });
    app.decorate('pendingClaims', pendingClaims);
    app.decorate('claimStatuses', new ClaimStatuses({ mongo, mongoWatch: stores.mongo, waitingMax: pendingMax }));
    const closeAnswers = await listenForAnswers(redisUrl, app.redis, jobs, log);
    const loop = new LoopWatch();
    const intake = new Intake({ ...stores, loop, pendingMax });
    const door = new Door(intake);
    app.decorate('claimDoor', door);

    const gathers = lanes.map(
      (_, lane) => new Gather({ underWayMax: JOBS_UNDER_WAY_MAX, send: (gathered) => jobs.send(lane, gathered) }),
    );
    app.decorate('claimsInLanes', () => gathers.map((gather) => gather.size));
    stores.redis.onChange((away) => {
      // Who gathers behind a job that is out of reach is told at once; what is out of reach is looked at once it is back.
      if (away) for (const gather of gathers) gather.sendAll();
      else jobs.checkUnanswered(0);
    });
    app.decorate(
      'submitClaim',
      createSubmit({ gathers, mongo, mongoWatch: stores.mongo, log, waitMaxMs: waitMs, intake, pendingClaims }),
    );
    app.addHook('onClose', async () => {
      jobs.close();
      pendingSize.close();
      closeAnswers();
      loop.close();
      door.close();
    });
  },
  { name: 'claims', dependencies: ['lanes', 'mongo', 'stores'] },
);
