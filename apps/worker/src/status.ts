import { findDown, observeLanes } from '@flashclaim/lanes';
import { createMetricsText, type Logger, METRICS_CONTENT_TYPE, type RedisConnection } from '@flashclaim/runtime';
import type { Mongo } from '@flashclaim/store';
import type { Registry } from 'prom-client';
import { type Env, USUAL_PORT } from './env.ts';
import { observeStuckLanes } from './observe/lane-metrics.ts';
import type { RunningJobs } from './running-jobs.ts';
import type { SchemaWatch } from './schema-watch.ts';
import { openStatusServer, type Questions, toStatus } from './status-server.ts';
import { StuckLanes } from './stuck-lanes.ts';

/** A job that runs for longer hangs: it has few attempts, each of bounded length. */
const JOB_RUN_MAX_MS = 300_000;

export interface StatusParts {
  redis: RedisConnection;
  mongo: Mongo;
  /** The lanes that this worker serves. */
  lanes: () => readonly number[];
  registry: Registry;
  stuckLanes: Pick<StuckLanes, 'stuck'>;
  running: Pick<RunningJobs, 'longestMs'>;
  schema: Pick<SchemaWatch, 'fault'>;
  isStopping: () => boolean;
}

/**
 * What this worker can be asked: whether it works as it should, or had better be started anew (`/livez`); whether it can do
 * its work now (`/readyz`); whether what it works with is up (`/health`); and what it has counted and measured (`/metrics`).
 */
export const createQuestions = (parts: StatusParts): Questions => {
  const metricsText = createMetricsText(parts.registry);
  return {
    '/livez': () => toStatus(whyRestart(parts)),
    '/readyz': async () =>
      toStatus(parts.isStopping() ? 'This worker finishes its jobs and stops.' : await whatIsDown(parts)),
    '/health': async () => toStatus(await whatIsDown(parts)),
    '/metrics': async () => ({ ok: true, body: await metricsText(), contentType: METRICS_CONTENT_TYPE }),
  };
};

/** A store that is down is no reason: a new worker would not reach it either. Nor is a database that lacks an index. */
const whyRestart = ({ stuckLanes, running, schema }: StatusParts): string | undefined => {
  if (!schema.fault && running.longestMs > JOB_RUN_MAX_MS)
    return `A job has been running for more than ${JOB_RUN_MAX_MS / 1_000} s.`;
  const { stuck } = stuckLanes;
  return stuck.length > 0 ? `No worker runs the jobs of lane ${stuck.join(', ')}, although Redis answers.` : undefined;
};

const whatIsDown = async ({ redis, mongo, lanes, schema }: StatusParts): Promise<string | undefined> => {
  const down = await findDown({ redis, mongo, lanes: lanes().length });
  return down.length > 0 ? `Down: ${down.join(', ')}.` : schema.fault;
};

interface StatusOptions extends Omit<StatusParts, 'stuckLanes' | 'isStopping'> {
  env: Pick<Env, 'HOST' | 'WORKER_PORT'>;
  log: Logger;
}

/** Watches the lanes and answers questions about this worker, until it is closed. */
export const openStatus = async ({ env, log, ...parts }: StatusOptions) => {
  const stuckLanes = new StuckLanes({ redis: parts.redis, lanes: parts.lanes, log });
  observeLanes(parts.registry, parts.redis);
  observeStuckLanes(parts.registry, stuckLanes);
  let stopping = false;
  const questions = createQuestions({ ...parts, stuckLanes, isStopping: () => stopping });
  const where = { host: env.HOST, port: env.WORKER_PORT, usualPort: USUAL_PORT };
  const { server, port } = await openStatusServer(questions, where);
  return {
    port,
    /** From now on this worker is not ready. */
    stopping: (): void => {
      stopping = true;
      stuckLanes.close();
    },
    close: (): void => void server.close(),
  };
};
