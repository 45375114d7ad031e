import { randomBytes } from 'node:crypto';
import {
  type ClaimJob,
  type ClaimJobResult,
  DRIVER_TIMEOUT_MS,
  decideStanding,
  decodeDecision,
  encodeJob,
  holdsRefusal,
  JOB_ATTEMPTS_MAX,
  JOB_NAME,
  JOB_RETRY_DELAY_MS,
  JOB_SILENCE_MS,
} from '@flashclaim/core';
import { type Logger, type Mongo, standingClaims, within } from '@flashclaim/service';
import type { Queue } from 'bullmq';
import { StoreAwayError, type StoreWatch } from '../stores/store-watch.ts';
import { type PassingJob, points } from './points.ts';
import type { Settled, WaitingClaim } from './waiting-claim.ts';

interface JobUnderWay extends PassingJob {
  queue: Queue;
  data: ClaimJob;
  looking: boolean;
  /** It is known to be in its lane. */
  enqueued: boolean;
  /** Redis forgot it, and so may have forgotten what was noted of its claims. */
  forgotten: boolean;
  /** Redis forgot it, and it is added again: it may run again, and be decided anew. */
  addedAgain: boolean;
  finish: () => void;
}

export interface LaneJobsOptions {
  lanes: readonly Queue[];
  mongo: Mongo;
  redis: StoreWatch;
  log: Pick<Logger, 'warn'>;
  /** Notes a claim again whose caller was told `pending`, where Redis forgot that, or was never reached. */
  pendingAgain: (claim: WaitingClaim) => Promise<void>;
}

/**
 * The jobs that this process has under way, and the way from a job's answer back to its claims.
 * There are at most `LANE_JOBS_MAX` for each lane, and what had gathered by then.
 */
export class LaneJobs {
  readonly #jobs = new Map<string, JobUnderWay>();
  readonly #options: LaneJobsOptions;
  /** Job ids are unique in the cluster, hold no colon and are no number: BullMQ gives those a meaning. */
  readonly processId = `api-${randomBytes(6).toString('hex')}`;
  readonly #silence: NodeJS.Timeout;
  #count = 0;

  constructor(options: LaneJobsOptions) {
    this.#options = options;
    this.#silence = setInterval(() => this.lookAtSilent(JOB_SILENCE_MS), JOB_SILENCE_MS);
  }

  /** Hands claims to a lane as one job. Resolves once all of them are settled; never rejects. */
  async send(lane: number, claims: readonly WaitingClaim[]): Promise<void> {
    const queue = this.#options.lanes[lane] as Queue;
    const { promise, resolve } = Promise.withResolvers<void>();
    const id = `${this.processId}-${++this.#count}`;
    const data = encodeJob(this.processId, claims);
    const flags = { looking: false, enqueued: false, forgotten: false, addedAgain: false };
    const job: JobUnderWay = { id, lane, queue, data, claims, sentAt: Date.now(), ...flags, finish: resolve };
    // Before the add: the answer may be back before the add has returned.
    this.#jobs.set(id, job);
    points.gather.publish(job);
    try {
      await this.#options.redis.answer(() => add(job));
      this.#enqueued(job);
    } catch (error) {
      // Redis may have the job all the same, and then a worker decides it: a retry finds out.
      const settled = error instanceof StoreAwayError && !error.asked ? 'unavailable' : 'unknown';
      this.#options.log.warn({ lane, claims: claims.length, settled }, 'a job could not be enqueued');
      this.#finish(job, () => settled);
    }
    return promise;
  }

  /**
   * A job's result, from whichever way it came. One that is not ours, or was answered before, is none of our business.
   * One that can't be read, because a worker of another version wrote it, is no answer: the silence that follows is looked into.
   */
  answer(jobId: string, result: ClaimJobResult, committedAt?: number): void {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    // A late answer of the run that Redis forgot: what that refused, the next run may grant. Only what is recorded counts then.
    if (job.addedAgain && holdsRefusal(result)) this.#lookUnlessLooking(job);
    else this.#settle(job, result, committedAt);
  }

  #settle(job: JobUnderWay, result: ClaimJobResult, committedAt?: number): void {
    const settled = job.claims.map((_, index) => decodeDecision(result, index));
    job.committedAt = committedAt;
    this.#enqueued(job);
    this.#finish(job, (_, index) => settled[index] as Settled);
  }

  /** The job will be decided whatever becomes of this process: its add has returned, or its answer was faster. */
  #enqueued(job: JobUnderWay): void {
    if (job.enqueued) return;
    job.enqueued = true;
    job.claims.forEach((claim, index) => {
      claim.enqueued({ lane: job.lane, jobId: job.id, index, at: job.sentAt });
    });
  }

  /** Looks at a job whose answer has not come. */
  async #look(job: JobUnderWay): Promise<void> {
    // First, on a connection that keeps the order: whoever asks once Redis is back is told of it.
    const owed = job.claims.filter(({ noteOwed }) => noteOwed);
    if (owed.length > 0) await this.#noteAgain(job, owed);
    const found = await job.queue.getJob(job.id);
    if (!this.#jobs.has(job.id)) return;
    // Redis forgot it. The claims carry their ids, so handing them on again is harmless whatever became of the first time.
    if (!found) {
      job.forgotten = true;
      job.addedAgain = true;
      await add(job);
    }
    // Redis may have taken it while its answer got lost: until all is noted again, each look tries.
    if (job.forgotten) {
      await this.#noteAgain(
        job,
        job.claims.filter(({ toldPending }) => toldPending),
      );
      job.forgotten = false;
    }
    if (found?.finishedOn && found.failedReason) await this.#settleFromDatabase(job);
    else if (found?.finishedOn) await this.#settleFromResult(job, found.returnvalue);
  }

  /** Looks at every job that has been without an answer for so long. 0 is all of them: answers may have been missed. */
  lookAtSilent(silentMs: number): void {
    if (this.#options.redis.away) return;
    const before = Date.now() - silentMs;
    for (const job of this.#jobs.values()) if (job.sentAt <= before) this.#lookUnlessLooking(job);
  }

  #lookUnlessLooking(job: JobUnderWay): void {
    if (job.looking) return;
    job.looking = true;
    this.#look(job)
      .catch((error: Error) =>
        this.#options.log.warn(
          { job: job.id, error: error.message },
          'a silent job could not be looked at; trying again',
        ),
      )
      .finally(() => {
        job.looking = false;
      });
  }

  close(): void {
    clearInterval(this.#silence);
  }

  async #noteAgain(job: JobUnderWay, claims: readonly WaitingClaim[]): Promise<void> {
    // Its answer may have come meanwhile: then its outcome is noted, and must stay.
    if (!this.#jobs.has(job.id)) return;
    await Promise.all(
      claims.map(async (claim) => {
        await this.#options.pendingAgain(claim);
        claim.noteOwed = false;
      }),
    );
  }

  async #settleFromResult(job: JobUnderWay, result: ClaimJobResult): Promise<void> {
    try {
      this.#settle(job, result);
    } catch (error) {
      this.#options.log.warn(
        { job: job.id, error: (error as Error).message },
        'a result can not be read; MongoDB decides',
      );
      await this.#settleFromDatabase(job);
    }
  }

  /** A failed job decides nothing: only what stands in the database is known. */
  async #settleFromDatabase(job: JobUnderWay): Promise<void> {
    const ids = job.claims.map((claim) => claim.id);
    const standing = await within(DRIVER_TIMEOUT_MS, standingClaims(this.#options.mongo, ids));
    this.#finish(job, (claim) => {
      const found = standing.get(claim.id);
      return found ? { decision: decideStanding(found, claim), claimedAt: found.claimedAt } : 'unknown';
    });
  }

  #finish(job: JobUnderWay, settled: (claim: WaitingClaim, index: number) => Settled): void {
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

const add = ({ id, queue, data, trace }: JobUnderWay) =>
  queue.add(JOB_NAME, data, {
    jobId: id,
    attempts: JOB_ATTEMPTS_MAX,
    backoff: { type: 'fixed', delay: JOB_RETRY_DELAY_MS },
    ...(trace && { telemetry: { metadata: trace } }),
  });
