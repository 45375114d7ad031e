import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { JOB_DEADLINE_SECONDS, type StoredJobRecord } from '@flashclaim/core';
import { countJobRecords, type Mongo, readJobRecords, readLatestJobRecords } from '@flashclaim/store';
import type { Queue } from 'bullmq';
import type { StoreWatch } from '../../stores/store-watch.ts';
import { describeOutcomes, outcomesOf } from './describe-job.ts';

const NAME = 'decided';

/** Records that can be paged through. */
const DECIDED_SHOWN_MAX = 1_000;

type ShownJobs = Awaited<ReturnType<BullMQAdapter['getJobs']>>;
type ShownJob = ShownJobs[number];
type JobCounts = Awaited<ReturnType<BullMQAdapter['getJobCounts']>>;

interface DecidedJobsOptions {
  mongo: Mongo;
  stores: { mongo: StoreWatch };
  lanes: readonly Queue[];
}

/**
 * The decided jobs of all lanes as one more queue of Bull Board. Redis does not keep them, so that each is read from its record in
 * MongoDB, which contains the outcomes and no user. Read-only, whatever the lanes are.
 */
export class DecidedJobs extends BullMQAdapter {
  readonly #mongo: Mongo;
  readonly #watch: StoreWatch;

  constructor({ mongo, stores, lanes }: DecidedJobsOptions) {
    // Bull Board asks any lane for what is the same for all, such as the memory of Redis.
    super(lanes[0] as Queue, {
      readOnlyMode: true,
      description: 'The latest decided jobs of all lanes, from their records in MongoDB.',
    });
    this.#mongo = mongo;
    this.#watch = stores.mongo;
  }

  override getName(): string {
    return NAME;
  }

  override getStatuses(): ReturnType<BullMQAdapter['getStatuses']> {
    return this.getJobStatuses();
  }

  override getJobStatuses(): ReturnType<BullMQAdapter['getJobStatuses']> {
    return ['completed'];
  }

  override async isPaused(): Promise<boolean> {
    return false;
  }

  /** None while MongoDB is down: the lanes are shown all the same. */
  override async getJobCounts(): Promise<JobCounts> {
    const count = await this.#watch.answer(() => countJobRecords(this.#mongo)).catch(() => 0);
    return { completed: Math.min(count, DECIDED_SHOWN_MAX) } as unknown as JobCounts;
  }

  override async getJobs(_statuses: unknown, start = 0, end = start): Promise<ShownJobs> {
    const page = { skip: start, limit: Math.min(end, DECIDED_SHOWN_MAX) - start + 1 };
    const records = await this.#watch.answer(() => readLatestJobRecords(this.#mongo, page)).catch(() => []);
    return records.map(toJob);
  }

  override async getJob(id: string): Promise<ShownJob | undefined> {
    const records = await this.#watch.answer(() => readJobRecords(this.#mongo, [id]));
    const record = records.get(id);
    return record && toJob(record);
  }
}

const toJob = (record: StoredJobRecord): ShownJob => {
  const { jobId, deadline, decidedAt, result } = record;
  // The clock of the dispatch is database time, in whole seconds.
  const dispatchedAt = (deadline - JOB_DEADLINE_SECONDS) * 1_000;
  const job = {
    id: jobId,
    name: describeOutcomes(result),
    data: outcomesOf(result),
    progress: 0,
    attemptsMade: 1,
    timestamp: dispatchedAt,
    processedOn: dispatchedAt,
    // Cluster time has the seconds in its upper half.
    finishedOn: Number(decidedAt >> 32n) * 1_000,
    failedReason: '',
    stacktrace: null,
    returnvalue: undefined,
    opts: {},
  };
  return { ...job, toJSON: () => job, getState: async () => 'completed' } as unknown as ShownJob;
};
