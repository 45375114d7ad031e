import { observeLanes } from '@flashclaim/lanes';
import { createMetricsText, type Logger, METRICS_CONTENT_TYPE, type RedisConnection } from '@flashclaim/runtime';
import type { Mongo } from '@flashclaim/store';
import type { Registry } from 'prom-client';
import { DEFAULT_PORT, type Env } from './env.ts';
import { findDown } from './find-down.ts';
import { observeStuckLanes } from './observe/lane-metrics.ts';
import type { RunningJobs } from './running-jobs.ts';
import type { SchemaWatch } from './schema-watch.ts';
import { openStatusServer, type StatusRoutes, toStatus } from './status-server.ts';
import { StuckLanes } from './stuck-lanes.ts';

/** A job that runs for longer hangs: it has few attempts, each of bounded length. */
const JOB_RUN_MAX_MS = 300_000;

export interface StatusParts {
  redis: RedisConnection;
  mongo: Mongo;
  /** The lanes that this worker serves, by number. */
  lanes: () => readonly number[];
  registry: Registry;
  stuckLanes: Pick<StuckLanes, 'stuck'>;
  running: Pick<RunningJobs, 'longestMs'>;
  schema: Pick<SchemaWatch, 'fault'>;
  isStopping: () => boolean;
}

/**
 * The HTTP routes of a worker. `/livez` fails where the worker should be restarted, `/readyz` where it can't run jobs now,
 * `/health` where a store is down or an index is missing. `/metrics` are the metrics for Prometheus.
 */
export const createStatusRoutes = (parts: StatusParts): StatusRoutes => {
  const metricsText = createMetricsText(parts.registry);
  return {
    '/livez': () => toStatus(whyRestart(parts)),
    '/readyz': async () =>
      toStatus(parts.isStopping() ? 'This worker finishes its jobs and stops.' : await whatIsDown(parts)),
    '/health': async () => toStatus(await whatIsDown(parts)),
    '/metrics': async () => ({ ok: true, body: await metricsText(), contentType: METRICS_CONTENT_TYPE }),
  };
};

/** A store that is down, or a missing index, is no reason to restart: a new worker would have the same fault. */
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

/** Inspects the lanes, and opens the HTTP server with the worker's health and metrics. */
export const openStatus = async ({ env, log, ...parts }: StatusOptions) => {
  const stuckLanes = new StuckLanes({ redis: parts.redis, lanes: parts.lanes, log });
  observeLanes(parts.registry, parts.redis);
  observeStuckLanes(parts.registry, stuckLanes);
  let stopping = false;
  const routes = createStatusRoutes({ ...parts, stuckLanes, isStopping: () => stopping });
  const where = { host: env.HOST, port: env.WORKER_PORT, defaultPort: DEFAULT_PORT };
  const { server, port } = await openStatusServer(routes, where);
  return {
    port,
    /** Makes `/readyz` fail, and ends the inspection of the lanes. */
    stopping: (): void => {
      stopping = true;
      stuckLanes.close();
    },
    close: (): void => void server.close(),
  };
};
