import {
  type ClaimJobResult,
  JOB_LOCK_MS,
  JOB_STALLED_CHECK_MS,
  JOB_STALLED_MAX,
  JOBS_FAILED_KEPT_MAX,
  JOBS_KEPT_MAX,
  LANE_ASK_EVERY_SECONDS,
  laneName,
  lanePrefix,
  OUTCOME_KEPT_SECONDS,
} from '@flashclaim/core';
import type { Logger, RedisConnection } from '@flashclaim/service';
import { type Job, Worker } from 'bullmq';

/** What runs a lane's jobs in this process. */
export interface LaneOptions {
  redis: RedisConnection;
  log: Logger;
  /** The token is that of the lock by which this process has the job. */
  runJob: (job: Job, token: string) => Promise<ClaimJobResult>;
  /** Redis has recorded it: the job never runs again. */
  jobCompleted: (job: Job, result: ClaimJobResult) => void;
}

/**
 * Opens one lane. One job of it is under way at a time in the whole cluster, so transactions of a coupon never conflict,
 * however many workers there are: `keepOneAtATime` sees to that. Starts working at once.
 */
export const openLane = (lane: number, { redis, log, runJob, jobCompleted }: LaneOptions): Worker => {
  const worker = new Worker(laneName(lane), (job, token) => runJob(job, token as string), {
    connection: redis,
    prefix: lanePrefix(lane),
    concurrency: 1,
    drainDelay: LANE_ASK_EVERY_SECONDS,
    // Short, because a killed worker's lane waits for its lock to run out.
    lockDuration: JOB_LOCK_MS,
    stalledInterval: JOB_STALLED_CHECK_MS,
    maxStalledCount: JOB_STALLED_MAX,
    removeOnComplete: { age: OUTCOME_KEPT_SECONDS, count: JOBS_KEPT_MAX },
    removeOnFail: { age: OUTCOME_KEPT_SECONDS, count: JOBS_FAILED_KEPT_MAX },
  });
  worker.on('error', (error) => {
    // While Redis is away, one connection says so for all.
    if (redis.status === 'ready')
      log.warn({ lane, error: error.message }, 'lane has trouble with Redis; it goes on by itself');
  });
  worker.on('completed', jobCompleted);
  worker.on('failed', (job, error) =>
    log.warn(
      { lane, job: job?.id, attempt: job?.attemptsMade, error: error.message },
      'job failed; see it in Bull Board',
    ),
  );
  worker.on('stalled', (job) => log.warn({ lane, job }, 'a job lost its worker and is run again'));
  return worker;
};
