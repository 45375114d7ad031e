import type { FastifyBaseLogger } from 'fastify';
import { points } from '../claims/points.ts';

/** Writes a line for each job at `debug`, and for each claim at `trace`. At other levels nothing listens. */
export const logClaims = (log: Pick<FastifyBaseLogger, 'level' | 'debug' | 'trace'>): void => {
  if (log.level === 'debug' || log.level === 'trace')
    points.answer.subscribe(({ id, lane, claims, sentAt }) =>
      log.debug({ job: id, lane, claims: claims.length, ms: sinceMs(sentAt) }, 'job answered'),
    );
  if (log.level === 'trace')
    points.reply.subscribe(({ claim, told }) =>
      log.trace({ claim: claim.id, job: claim.place?.jobId, told, ms: sinceMs(claim.since) }, 'claim answered'),
    );
};

const sinceMs = (start: number): number => Math.round(performance.now() - start);
