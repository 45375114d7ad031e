import {
  COMMIT_TIMEOUT_MS,
  QUERY_TIMEOUT_MS,
  REDIS_SILENCE_MAX_MS,
  TRANSACTION_LIFETIME_MAX_SECONDS,
  TRANSACTIONS_UNDER_WAY_MAX,
  WORKER_GRACE_MS,
} from '@flashclaim/core';
import {
  connectMongo,
  createLogger,
  createRedis,
  createRegistry,
  ensureCollections,
  failStart,
  isTracing,
  orphanedTransactionSeconds,
  readyRedis,
} from '@flashclaim/service';
import type { Job } from 'bullmq';
import closeWithGrace from 'close-with-grace';
import { commitJobs } from './commit-claims.ts';
import { CommitGroup } from './commit-group.ts';
import { CouponMemory } from './coupon-memory.ts';
import { type Env, readEnv } from './env.ts';
import { openLane } from './lanes.ts';
import { observeCommits } from './observe/commit-metrics.ts';
import { observeJobs } from './observe/job-metrics.ts';
import { OneAtATime } from './one-at-a-time.ts';
import { processJob } from './process-job.ts';
import { RunningJobs } from './running-jobs.ts';
import { SchemaWatch } from './schema-watch.ts';
import { ServedLanes } from './served-lanes.ts';
import { openStatus } from './status.ts';

/** Starts the worker: connects, makes sure of the indexes, opens every lane; closes in the reverse order. */
const run = async (env: Env): Promise<void> => {
  const tracing = isTracing(env) ? await import('./observe/job-traces.ts') : undefined;
  const log = createLogger('worker', env.LOG_LEVEL, { mixin: tracing?.traceOfLine });
  const mongo = await connectMongo(env.MONGO_URI, env.MONGO_DB, {
    appName: 'flashclaim-worker',
    // However many lanes there are: its transactions, the question whether MongoDB is there, and one to spare.
    maxPoolSize: TRANSACTIONS_UNDER_WAY_MAX + 2,
    serverSelectionTimeoutMS: QUERY_TIMEOUT_MS,
    socketTimeoutMS: COMMIT_TIMEOUT_MS,
    connectTimeoutMS: QUERY_TIMEOUT_MS,
  });
  await ensureCollections(mongo.db);
  const lifetime = await orphanedTransactionSeconds(mongo);
  if (lifetime !== undefined && lifetime > TRANSACTION_LIFETIME_MAX_SECONDS)
    log.warn(
      { transactionLifetimeLimitSeconds: lifetime },
      `a worker that is killed would block its coupons for so long; set it to ${TRANSACTION_LIFETIME_MAX_SECONDS} in mongod`,
    );

  // A worker waits for Redis as long as it takes: its jobs are nowhere else.
  const redis = createRedis(env.REDIS_URL, { maxRetriesPerRequest: null, socketTimeout: REDIS_SILENCE_MAX_MS });
  redis.on('error', (error: Error) =>
    log.warn({ error: error.message }, 'Redis is away: the lanes wait for it, and go on by themselves'),
  );
  await readyRedis(redis);

  const memory = new CouponMemory();
  const schema = new SchemaWatch({ db: mongo.db, log });
  const group = new CommitGroup(async (jobs) => {
    await schema.intact();
    return commitJobs({ mongo, memory }, jobs);
  });
  const running = new RunningJobs();
  const registry = createRegistry();
  observeCommits(registry);
  const observeLane = observeJobs(registry, running);
  const traces = tracing?.traceJobs();
  const runJob = (job: Job) => running.run(() => processJob({ group, redis, log }, job));
  const oneAtATime = new OneAtATime(redis, log);
  const served = new ServedLanes({
    redis,
    log,
    oneAtATime,
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
  // Before the first job is taken: a port that is taken must not come in between.
  const status = await openStatus({ env, redis, mongo, registry, running, schema, lanes: () => served.numbers, log });
  await served.start(env.CLAIM_LANES);
  log.info({ lanes: env.CLAIM_LANES, host: env.HOST, port: status.port }, 'worker takes jobs');

  closeWithGrace({ delay: WORKER_GRACE_MS, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal(err, 'worker stops on an error');
    else log.info({ signal }, 'worker finishes its jobs and stops');
    status.stopping();
    schema.close();
    await served.close();
    await oneAtATime.close();
    redis.disconnect();
    await mongo.client.close();
    await traces?.endTraces();
    status.close();
  });
};

try {
  await run(readEnv());
} catch (error) {
  failStart('worker', error);
}
