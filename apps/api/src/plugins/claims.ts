import fp from 'fastify-plugin';
import { EventLoopLag } from '../claims/admission/event-loop-lag.ts';
import { LoadShedder } from '../claims/admission/load-shedder.ts';
import { subscribeToAnswers } from '../claims/answers.ts';
import { ClaimPath } from '../claims/claim-path.ts';
import { PendingSize } from '../claims/pending-size.ts';

declare module 'fastify' {
  interface FastifyInstance {
    claimPath: ClaimPath;
    loadShedder: LoadShedder;
  }
}

export interface ClaimsOptions {
  redisUrl: string;
  waitMs: number;
  pendingMax: number;
}

/** Builds the claim path of this process on its stores. */
export const claims = fp<ClaimsOptions>(
  async (app, { redisUrl, waitMs, pendingMax }) => {
    const { lanes: queues, mongo, mongoProbe, databaseClock, stores, log } = app;
    const eventLoop = new EventLoopLag();
    const pendingSize = new PendingSize({ mongo: mongoProbe, log });
    const claimPath = new ClaimPath({
      queues,
      mongo,
      databaseClock,
      stores,
      eventLoop,
      arePendingClaimsFull: () => pendingSize.isFull,
      waitMaxMs: waitMs,
      pendingMax,
      log,
    });
    const unsubscribe = await subscribeToAnswers({ redisUrl, commands: app.redis, claimPath, log });
    const loadShedder = new LoadShedder(claimPath.admission);
    app.decorate('claimPath', claimPath);
    app.decorate('loadShedder', loadShedder);
    app.addHook('onClose', async () => {
      claimPath.close();
      unsubscribe();
      pendingSize.close();
      eventLoop.close();
      loadShedder.close();
    });
  },
  { name: 'claims', dependencies: ['lanes', 'mongo', 'stores'] },
);
