import { randomBytes } from 'node:crypto';
import {
  type ClaimJob,
  type ClaimJobResult,
  decodeDecision,
  encodeJob,
  JOB_ATTEMPTS_MAX,
  JOB_DEADLINE_SECONDS,
  JOB_NAME,
  JOB_SILENCE_MS,
  type JobRecord,
} from '@flashclaim/core';
import { type DatabaseClock, type Logger, type Mongo, readJobRecords } from '@flashclaim/service';
import type { Queue } from 'bullmq';
import { StoreAwayError, type StoreWatch } from '../stores/store-watch.ts';
import { expireJobs } from './claim-status.ts';
import { type PassingJob, points } from './points.ts';
import type { Settled, WaitingClaim } from './waiting-claim.ts';

interface JobInFlight extends PassingJob {
  queue: Queue;
  data: ClaimJob;
  /** It is known to be in its lane. */
  enqueued: boolean;
  finish: () => void;
}

export interface LaneJobsOptions {
  lanes: readonly Queue[];
  mongo: Mongo;
  redis: StoreWatch;
  mongoWatch: StoreWatch;
  databaseClock: Pick<DatabaseClock, 'now'>;
  log: Pick<Logger, 'warn'>;
}

/**
 * The jobs that this process has in flight, and the way from a job's answer back to its claims.
 * There are at most `LANE_JOBS_MAX` for each lane, and what had gathered by then.
 */
export class LaneJobs {
  readonly #jobs = new Map<string, JobInFlight>();
  readonly #options: LaneJobsOptions;
  /**
   * Job ids begin with their deadline, so that records stand in its order. They are unique in the cluster, hold no colon and
   * are no number: BullMQ gives those a meaning.
   */
  readonly processId = `api-${randomBytes(6).toString('hex')}`;
  readonly #timer: NodeJS.Timeout;
  #count = 0;
  #checking = false;

  constructor(options: LaneJobsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.checkUnanswered(JOB_SILENCE_MS), JOB_SILENCE_MS);
  }

  /** Hands claims to a lane as one job. Resolves once all of them are settled; never rejects. */
  async send(lane: number, claims: readonly WaitingClaim[]): Promise<void> {
    const { lanes, redis, databaseClock, log } = this.#options;
    const queue = lanes[lane] as Queue;
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = databaseClock.now + JOB_DEADLINE_SECONDS;
    const id = `${deadline.toString(16)}-${this.processId}-${++this.#count}`;
    const data = encodeJob({ id, deadline, replyTo: this.processId }, claims);
    const sentAt = performance.now();
    const job: JobInFlight = { id, lane, queue, data, claims, sentAt, enqueued: false, finish: resolve };
    // Before the add: the answer may be back before the add has returned.
    this.#jobs.set(id, job);
    points.gather.publish(job);
    try {
      await redis.answer(() => add(job));
      this.#enqueued(job);
    } catch (error) {
      // Redis may have the job all the same, and then a worker decides it: a retry finds out.
      const settled = error instanceof StoreAwayError && !error.asked ? 'unavailable' : 'unknown';
      log.warn({ lane, claims: claims.length, settled }, 'a job could not be enqueued');
      this.#finish(job, () => settled);
    }
    return promise;
  }

  /**
   * A job's result, from whichever way it came. Ignores unknown and settled jobs.
   * @throws Error where it can't be read, because a worker of another version wrote it.
   */
  answer(jobId: string, result: ClaimJobResult, committedAt?: number): void {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    const settled = job.claims.map((_, index) => toSettled(result, index));
    job.committedAt = committedAt;
    this.#enqueued(job);
    this.#finish(job, (_, index) => settled[index] as Settled);
  }

  /** The job will be decided whatever becomes of this process: its add has returned, or its answer was faster. */
  #enqueued(job: JobInFlight): void {
    if (job.enqueued) return;
    job.enqueued = true;
    const { deadline } = job.data;
    job.claims.forEach((claim, index) => {
      claim.enqueued({ jobId: job.id, index, deadline });
    });
  }

  /** Checks every job that has been in flight for so long: its answer may be lost, or the job itself. 0 is all of them. */
  checkUnanswered(ageMs: number): void {
    if (this.#checking) return;
    const before = performance.now() - ageMs;
    const jobs = [...this.#jobs.values()].filter(({ sentAt }) => sentAt <= before);
    if (jobs.length === 0) return;
    this.#checking = true;
    this.#check(jobs)
      .catch((error: Error) => {
        // The store watch has logged that MongoDB is down.
        if (!(error instanceof StoreAwayError))
          this.#options.log.warn(
            { jobs: jobs.length, error: error.message },
            'jobs without an answer could not be checked',
          );
      })
      .finally(() => {
        this.#checking = false;
      });
  }

  /** The records first: only a job that has none may be lost, or too late. */
  async #check(jobs: readonly JobInFlight[]): Promise<void> {
    const { mongo, mongoWatch, databaseClock } = this.#options;
    const ids = jobs.map(({ id }) => id);
    this.#settleFrom(await mongoWatch.answer(() => readJobRecords(mongo, ids)));
    const undecided = jobs.filter(({ id }) => this.#jobs.has(id));
    const late = undecided.filter(({ data }) => databaseClock.now > data.deadline);
    if (late.length > 0) this.#settleFrom(await mongoWatch.answer(() => expireJobs(mongo, late.map(toRecordKey))));
    await Promise.all(undecided.filter((job) => !late.includes(job)).map((job) => this.#addIfLost(job)));
  }

  #settleFrom(records: ReadonlyMap<string, JobRecord>): void {
    for (const { jobId, result } of records.values()) {
      const job = this.#jobs.get(jobId);
      if (result) this.answer(jobId, result);
      else if (job) this.#finish(job, () => 'unavailable');
    }
  }

  /** Redis may have lost the job. Its record makes adding it again harmless, whatever became of the first time. */
  async #addIfLost(job: JobInFlight): Promise<void> {
    if (this.#options.redis.away) return;
    const state = await job.queue.getJobState(job.id);
    if (state === 'unknown' && this.#jobs.has(job.id)) await add(job);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #finish(job: JobInFlight, settled: (claim: WaitingClaim, index: number) => Settled): void {
    if (!this.#jobs.delete(job.id)) return;
    points.answer.publish(job);
    // The lane is free: what gathered goes out first, and then the callers get their answers while it is on its way. Not at
    // the end of this turn of the event loop: with thousands of callers that can be a second away.
    job.finish();
    queueMicrotask(() =>
      process.nextTick(() => {
        job.claims.forEach((claim, index) => {
          claim.settle(settled(claim, index));
        });
      }),
    );
  }
}

/** An expired job granted nothing and never will: to a caller that is the same as a job that never was. */
const toSettled = (result: ClaimJobResult, index: number): Settled => {
  const { decision, claimedAt } = decodeDecision(result, index);
  return decision === 'timed_out' ? 'unavailable' : { decision, claimedAt };
};

const toRecordKey = ({ id, data: { deadline } }: JobInFlight) => ({ jobId: id, deadline });

/** A job that throws goes back to its lane at once: BullMQ would compare the clocks of two machines for a delay. */
const add = ({ id, queue, data, trace }: JobInFlight) =>
  queue.add(JOB_NAME, data, {
    jobId: id,
    attempts: JOB_ATTEMPTS_MAX,
    // BullMQ would keep the error of each attempt.
    stackTraceLimit: 1,
    ...(trace && { telemetry: { metadata: trace } }),
  });
