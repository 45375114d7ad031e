import {
  COMMIT_TIMEOUT_MS,
  QUERY_TIMEOUT_MS,
  REDIS_SILENCE_MAX_MS,
  TRANSACTION_LIFETIME_MAX_SECONDS,
  TRANSACTIONS_IN_FLIGHT_MAX,
} from '@flashclaim/core';
import { createLogger, createRedis, createRegistry, isTracing, type Logger, readyRedis } from '@flashclaim/runtime';
import { connectMongo, ensureCollections, type Mongo, orphanedTransactionSeconds } from '@flashclaim/store';
import type { Job } from 'bullmq';
import type { Env } from './env.ts';
import { GlobalConcurrency } from './global-concurrency.ts';
import { buildJobPath } from './job-path.ts';
import { observeCommits } from './observe/commit-metrics.ts';
import { observeJobs } from './observe/job-metrics.ts';
import { observeSchema } from './observe/schema-metrics.ts';
import { openLane } from './open-lane.ts';
import { RunningJobs } from './running-jobs.ts';
import { SchemaWatch } from './schema-watch.ts';
import { ServedLanes } from './served-lanes.ts';
import { openStatus } from './status.ts';

export interface BuiltWorker {
  log: Logger;
  /** The port of its health and metrics. */
  port: number;
  /** Finishes the jobs that run, and closes everything in the reverse order. */
  close(): Promise<void>;
}

/**
 * Builds a worker: its connections, the job path, and one BullMQ worker for each lane. Resolves once it takes jobs.
 * @throws StartError where a store can't be reached or is not suitable.
 */
export const buildWorker = async (env: Env): Promise<BuiltWorker> => {
  const tracing = isTracing(env) ? await import('./observe/job-traces.ts') : undefined;
  const log = createLogger('worker', env.LOG_LEVEL, { mixin: tracing?.traceOfLine });
  const mongo = await openMongo(env, log);
  const redis = await openRedis(env, log);

  const schema = new SchemaWatch({ db: mongo.db, log });
  const jobPath = buildJobPath({ mongo, redis, log, schema });
  const running = new RunningJobs();
  const registry = createRegistry();
  observeCommits(registry);
  observeSchema(registry, schema);
  const observeLane = observeJobs(registry, running);
  const traces = tracing?.traceJobs();
  const runJob = (job: Job) => running.run(() => jobPath.run(job));
  const globalConcurrency = new GlobalConcurrency(redis, log);
  const lanes = new ServedLanes({
    redis,
    log,
    globalConcurrency,
    openLane: (lane) => {
      const worker = openLane(lane, {
        redis,
        log,
        runJob: tracing ? (job) => tracing.runInTrace(job, () => runJob(job)) : runJob,
      });
      observeLane(worker);
      traces?.traceLane(worker);
      return worker;
    },
  });
  // Before the first job is taken: where the port is in use, the start fails without a job in progress.
  const status = await openStatus({ env, redis, mongo, registry, running, schema, lanes: () => lanes.numbers, log });
  await lanes.start(env.CLAIM_LANES);

  const close = async (): Promise<void> => {
    status.stopping();
    schema.close();
    await lanes.close();
    await globalConcurrency.close();
    redis.disconnect();
    await mongo.client.close();
    await traces?.endTraces();
    status.close();
  };
  return { log, port: status.port, close };
};

const openMongo = async (env: Env, log: Logger): Promise<Mongo> => {
  const mongo = await connectMongo(env.MONGO_URI, env.MONGO_DB, {
    appName: 'flashclaim-worker',
    // For any number of lanes: its transactions, the health check, and one to spare.
    maxPoolSize: TRANSACTIONS_IN_FLIGHT_MAX + 2,
    serverSelectionTimeoutMS: QUERY_TIMEOUT_MS,
    socketTimeoutMS: COMMIT_TIMEOUT_MS,
    connectTimeoutMS: QUERY_TIMEOUT_MS,
  });
  await ensureCollections(mongo.db);
  const lifetime = await orphanedTransactionSeconds(mongo);
  if (lifetime !== undefined && lifetime > TRANSACTION_LIFETIME_MAX_SECONDS)
    log.warn(
      { transactionLifetimeLimitSeconds: lifetime },
      `a killed worker would block its coupons for so long; set it to ${TRANSACTION_LIFETIME_MAX_SECONDS} in mongod`,
    );
  return mongo;
};

/** A worker waits for Redis without a limit: its jobs are nowhere else. */
const openRedis = async (env: Env, log: Logger) => {
  const redis = createRedis(env.REDIS_URL, { maxRetriesPerRequest: null, socketTimeout: REDIS_SILENCE_MAX_MS });
  redis.on('error', (error: Error) =>
    log.warn({ error: error.message }, 'Redis is down: the lanes wait, and continue by themselves'),
  );
  await readyRedis(redis);
  return redis;
};
