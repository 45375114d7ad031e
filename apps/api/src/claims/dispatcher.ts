import { randomBytes } from 'node:crypto';
import {
  type ClaimJob,
  type ClaimJobResult,
  type DecidedClaim,
  decodeResult,
  encodeJob,
  JOB_ATTEMPTS_MAX,
  JOB_DEADLINE_SECONDS,
} from '@flashclaim/core';
import { JOB_NAME } from '@flashclaim/lanes';
import type { Logger } from '@flashclaim/runtime';
import type { DatabaseClock } from '@flashclaim/store';
import type { Queue } from 'bullmq';
import { StoreDownError, type StoreWatch } from '../stores/store-watch.ts';
import { channels, type DispatchedJob } from './channels.ts';
import type { Settled, WaitingClaim } from './waiting-claim.ts';

export interface JobInFlight extends DispatchedJob {
  data: ClaimJob;
  /** `sending` until Redis has confirmed the job, or until its answer arrives, whichever is first. */
  state: 'sending' | 'enqueued';
  finished: () => void;
}

export interface DispatcherOptions {
  /** One for each lane, by its number. */
  queues: readonly Queue<ClaimJob, void>[];
  redis: StoreWatch;
  databaseClock: Pick<DatabaseClock, 'now'>;
  log: Pick<Logger, 'warn'>;
}

/** Sends batches to their lanes as jobs, keeps the jobs in flight, and settles their claims by the jobs' results. */
export class Dispatcher {
  /** Workers publish answers under this id. It contains no colon, because BullMQ allows none in a job id. */
  readonly processId = `api-${randomBytes(6).toString('hex')}`;
  readonly #jobs = new Map<string, JobInFlight>();
  readonly #options: DispatcherOptions;
  #count = 0;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Sends claims to a lane as one job. Resolves once all of them are settled; never rejects. */
  async dispatch(lane: number, claims: readonly WaitingClaim[]): Promise<void> {
    const { redis, databaseClock, log } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const deadline = databaseClock.now + JOB_DEADLINE_SECONDS;
    // The deadline first, so that records in MongoDB are ordered by it.
    const id = `${deadline.toString(16)}-${this.processId}-${++this.#count}`;
    const data = encodeJob({ id, deadline, replyTo: this.processId }, claims);
    const sentAt = performance.now();
    const job: JobInFlight = { id, lane, data, claims, sentAt, state: 'sending', finished: resolve };
    // Before the job is enqueued: its answer may arrive before Redis confirms it.
    this.#jobs.set(id, job);
    channels.dispatch.publish(job);
    try {
      await redis.answer(() => this.enqueue(job));
      this.#enqueued(job);
    } catch (error) {
      // Where Redis was asked, it may have the job, and a worker decides it: a retry of the caller finds out.
      const settled = error instanceof StoreDownError && !error.asked ? 'unavailable' : 'unknown';
      log.warn({ lane, claims: claims.length, settled }, 'a job could not be enqueued');
      this.settle(job, settled);
    }
    return promise;
  }

  /** Adds a job to its lane. A job that is there already is not added again. */
  async enqueue({ id, lane, data, trace }: DispatchedJob & { data: ClaimJob }): Promise<void> {
    await this.queueOf(lane).add(JOB_NAME, data, {
      jobId: id,
      // Retries come at once: for a delay, BullMQ would compare the clocks of two machines.
      attempts: JOB_ATTEMPTS_MAX,
      // BullMQ would keep the stack of every attempt.
      stackTraceLimit: 1,
      ...(trace && { telemetry: { metadata: trace } }),
    });
  }

  queueOf(lane: number): Queue<ClaimJob, void> {
    return this.#options.queues[lane] as Queue<ClaimJob, void>;
  }

  /**
   * Settles the claims of a job by its result. Ignores unknown or settled jobs.
   * @throws Error where the result is not readable, because a worker of another version wrote it.
   */
  answer(jobId: string, result: ClaimJobResult, committedAt?: number): void {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    const settled = decodeResult(result, job.claims).map(toSettled);
    job.committedAt = committedAt;
    this.#enqueued(job);
    this.#finish(job, (index) => settled[index] as Settled);
  }

  /** Settles all claims of a job alike. Ignores a settled job. */
  settle(job: JobInFlight, settled: Exclude<Settled, object>): void {
    this.#finish(job, () => settled);
  }

  /** The jobs that have been in flight for at least this time. */
  inFlightFor(ageMs: number): JobInFlight[] {
    const before = performance.now() - ageMs;
    return [...this.#jobs.values()].filter(({ sentAt }) => sentAt <= before);
  }

  jobInFlight(jobId: string): JobInFlight | undefined {
    return this.#jobs.get(jobId);
  }

  #enqueued(job: JobInFlight): void {
    if (job.state === 'enqueued') return;
    job.state = 'enqueued';
    const { deadline } = job.data;
    job.claims.forEach((claim, index) => {
      claim.enqueued({ jobId: job.id, index, deadline });
    });
  }

  #finish(job: JobInFlight, settledOf: (index: number) => Settled): void {
    if (!this.#jobs.delete(job.id)) return;
    channels.answer.publish(job);
    // The lane is free: the next batch goes first, and the callers get their answers while it travels. Not at the end of this
    // turn of the event loop: with thousands of callers, a turn can take a second.
    job.finished();
    queueMicrotask(() =>
      process.nextTick(() => {
        job.claims.forEach((claim, index) => {
          claim.settle(settledOf(index));
        });
      }),
    );
  }
}

/** An expired job granted nothing and never will. For the caller that is the same as a job that was never sent. */
const toSettled = (decided: DecidedClaim): Settled =>
  isTimedOut(decided) ? 'unavailable' : (decided as Extract<Settled, object>);

const isTimedOut = ({ decision }: DecidedClaim): boolean => decision === 'timed_out';
