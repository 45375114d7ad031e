import type { FastifyBaseLogger } from 'fastify';
import { channels } from '../claims/channels.ts';

/** Logs each job at `debug`, and each claim at `trace`. At other levels it subscribes to nothing. */
export const logClaims = (log: Pick<FastifyBaseLogger, 'level' | 'debug' | 'trace'>): void => {
  if (log.level === 'debug' || log.level === 'trace')
    channels.answer.subscribe(({ id, lane, claims, sentAt }) =>
      log.debug({ job: id, lane, claims: claims.length, ms: sinceMs(sentAt) }, 'job answered'),
    );
  if (log.level === 'trace')
    channels.reply.subscribe(({ claim, answer }) =>
      log.trace({ claim: claim.id, job: claim.place?.jobId, answer, ms: sinceMs(claim.since) }, 'claim answered'),
    );
};

const sinceMs = (start: number): number => Math.round(performance.now() - start);
