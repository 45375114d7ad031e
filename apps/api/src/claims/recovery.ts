import { ANSWER_TIMEOUT_MS, type JobRecord } from '@flashclaim/core';
import type { Logger } from '@flashclaim/runtime';
import { type DatabaseClock, type Mongo, readJobRecords } from '@flashclaim/store';
import { StoreDownError, type StoreWatch } from '../stores/store-watch.ts';
import type { Dispatcher, JobInFlight } from './dispatcher.ts';
import { expireJobs } from './find-claims.ts';

export interface RecoveryOptions {
  dispatcher: Dispatcher;
  redis: StoreWatch;
  mongo: Mongo;
  mongoWatch: StoreWatch;
  databaseClock: Pick<DatabaseClock, 'now'>;
  log: Pick<Logger, 'warn'>;
}

/**
 * Checks jobs in flight whose answer does not arrive. Their records in MongoDB come first: only a job without a record can be
 * lost or expired.
 */
export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #timer: NodeJS.Timeout;
  #isChecking = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.check(ANSWER_TIMEOUT_MS), ANSWER_TIMEOUT_MS);
  }

  /** Checks every job that has been in flight for at least this time. 0 means all. */
  check(ageMs: number): void {
    const { dispatcher, log } = this.#options;
    if (this.#isChecking) return;
    const jobs = dispatcher.inFlightFor(ageMs);
    if (jobs.length === 0) return;
    this.#isChecking = true;
    this.#checkJobs(jobs)
      .catch((error: Error) => {
        // Where MongoDB is down, the store watch has logged it.
        if (!(error instanceof StoreDownError))
          log.warn({ jobs: jobs.length, error: error.message }, 'jobs without an answer could not be checked');
      })
      .finally(() => {
        this.#isChecking = false;
      });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #checkJobs(jobs: readonly JobInFlight[]): Promise<void> {
    const { dispatcher, mongo, mongoWatch, databaseClock } = this.#options;
    const ids = jobs.map(({ id }) => id);
    this.#settleBy(await mongoWatch.answer(() => readJobRecords(mongo, ids)));
    const undecided = jobs.filter(({ id }) => dispatcher.jobInFlight(id));
    const late = undecided.filter(({ data }) => databaseClock.now > data.deadline);
    if (late.length > 0) this.#settleBy(await mongoWatch.answer(() => expireJobs(mongo, late.map(toRecordKey))));
    await Promise.all(undecided.filter((job) => !late.includes(job)).map((job) => this.#enqueueIfLost(job)));
  }

  #settleBy(records: ReadonlyMap<string, JobRecord>): void {
    const { dispatcher } = this.#options;
    for (const { jobId, result } of records.values()) {
      const job = dispatcher.jobInFlight(jobId);
      if (result) dispatcher.answer(jobId, result);
      else if (job) {
        dispatcher.settle(job, 'unavailable');
        // A job that can't be removed is harmless: it has a record.
        this.#removeExpired(job).catch(() => {});
      }
    }
  }

  /** Without a worker, expired jobs would fill Redis. A failed one stays, so that people can see its error. */
  async #removeExpired({ lane, id }: JobInFlight): Promise<void> {
    const queue = this.#options.dispatcher.queueOf(lane);
    if ((await queue.getJobState(id)) !== 'failed') await queue.remove(id);
  }

  /** Redis may have lost the job. To enqueue it again is harmless: its record decides it once. */
  async #enqueueIfLost(job: JobInFlight): Promise<void> {
    const { dispatcher, redis } = this.#options;
    if (redis.isDown) return;
    const state = await dispatcher.queueOf(job.lane).getJobState(job.id);
    if (state === 'unknown' && dispatcher.jobInFlight(job.id)) await dispatcher.enqueue(job);
  }
}

const toRecordKey = ({ id, data: { deadline } }: JobInFlight) => ({ jobId: id, deadline });
