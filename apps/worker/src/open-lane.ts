import {
  JOB_ATTEMPTS_MAX,
  JOB_LOCK_MS,
  JOB_STALLED_CHECK_MS,
  JOBS_FAILED_KEPT_MAX,
  LANE_ASK_EVERY_SECONDS,
} from '@flashclaim/core';
import { laneName, lanePrefix } from '@flashclaim/lanes';
import type { Logger, RedisConnection } from '@flashclaim/runtime';
import { type Job, Worker } from 'bullmq';

/** What runs a lane's jobs in this process. */
export interface LaneOptions {
  redis: RedisConnection;
  log: Logger;
  runJob: (job: Job) => Promise<void>;
}

/**
 * Opens one lane. One job of it runs at a time in the whole cluster, so transactions of a coupon seldom conflict, however
 * many workers there are: `GlobalConcurrency` enforces that. Starts working at once.
 */
export const openLane = (lane: number, { redis, log, runJob }: LaneOptions): Worker => {
  const worker = new Worker(laneName(lane), (job) => runJob(job), {
    connection: redis,
    prefix: lanePrefix(lane),
    concurrency: 1,
    drainDelay: LANE_ASK_EVERY_SECONDS,
    // Short, because a killed worker's lane waits for its lock to run out.
    lockDuration: JOB_LOCK_MS,
    stalledInterval: JOB_STALLED_CHECK_MS,
    maxStalledCount: JOB_ATTEMPTS_MAX,
    // Its record in MongoDB says what became of it.
    removeOnComplete: { count: 0 },
    removeOnFail: { count: JOBS_FAILED_KEPT_MAX },
  });
  worker.on('error', (error) => {
    // While Redis is away, one connection says so for all.
    if (redis.status === 'ready')
      log.warn({ lane, error: error.message }, 'lane has trouble with Redis; it goes on by itself');
  });
  worker.on('failed', (job, error) => {
    log.warn(
      { lane, job: job?.id, attempt: job?.attemptsMade, error: error.message },
      'job failed; see it in Bull Board',
    );
    if (job?.finishedOn) void dropClaims(job, log);
  });
  worker.on('stalled', (job) => log.warn({ lane, job }, 'a job lost its worker and is run again'));
  return worker;
};

/** A job that failed for good is kept, so that people see the error; its payload may be 2 MiB of names. */
const dropClaims = async (job: Job, log: Logger): Promise<void> => {
  try {
    await job.updateData({ dropped: 'The payload of a failed job is not kept.' });
  } catch (error) {
    log.warn({ job: job.id, error: (error as Error).message }, 'the payload of a failed job stays in Redis with it');
  }
};
