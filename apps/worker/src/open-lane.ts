import {
  type ClaimJob,
  JOB_ATTEMPTS_MAX,
  JOB_LOCK_MS,
  JOB_STALLED_CHECK_MS,
  JOBS_FAILED_KEPT_MAX,
  LANE_ASK_EVERY_SECONDS,
} from '@flashclaim/core';
import { laneName, lanePrefix } from '@flashclaim/lanes';
import type { Logger, RedisConnection } from '@flashclaim/runtime';
import { type Job, Worker } from 'bullmq';

export interface LaneOptions {
  redis: RedisConnection;
  log: Logger;
  runJob: (job: Job<ClaimJob, void>) => Promise<void>;
}

/**
 * Opens a lane: its jobs run from now on. `GlobalConcurrency` lets one job of a lane run at a time in all workers together, so
 * transactions for the same coupon seldom conflict.
 */
export const openLane = (lane: number, { redis, log, runJob }: LaneOptions): Worker<ClaimJob, void> => {
  const worker = new Worker<ClaimJob, void>(laneName(lane), (job) => runJob(job), {
    connection: redis,
    prefix: lanePrefix(lane),
    concurrency: 1,
    drainDelay: LANE_ASK_EVERY_SECONDS,
    // Short, because the lane of a killed worker waits until its lock expires.
    lockDuration: JOB_LOCK_MS,
    stalledInterval: JOB_STALLED_CHECK_MS,
    maxStalledCount: JOB_ATTEMPTS_MAX,
    // The job record in MongoDB contains the result.
    removeOnComplete: { count: 0 },
    removeOnFail: { count: JOBS_FAILED_KEPT_MAX },
  });
  worker.on('error', (error) => {
    // While Redis is down, its connection logs that once for all lanes.
    if (redis.status === 'ready')
      log.warn({ lane, error: error.message }, 'a lane has an error with Redis; it continues by itself');
  });
  worker.on('failed', (job, error) => {
    log.warn(
      { lane, job: job?.id, attempt: job?.attemptsMade, error: error.message },
      'job failed; see it in Bull Board',
    );
    if (job?.finishedOn) void dropClaims(job, log);
  });
  worker.on('stalled', (job) => log.warn({ lane, job }, 'the worker of a job was lost; the job runs again'));
  return worker;
};

/** A failed job is kept so that people can see its error. Its payload is not, because it may be 2 MiB of names. */
const dropClaims = async (job: Job, log: Logger): Promise<void> => {
  try {
    await job.updateData({ dropped: 'The payload of a failed job is not kept.' });
  } catch (error) {
    log.warn(
      { job: job.id, error: (error as Error).message },
      'the payload of a failed job could not be removed from Redis',
    );
  }
};
