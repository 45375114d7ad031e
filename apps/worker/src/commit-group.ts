import { type ClaimJobResult, JOB_CLAIMS_MAX, type Job, TRANSACTIONS_IN_FLIGHT_MAX } from '@flashclaim/core';
import type { JobResults } from './commit-claims.ts';

/** Decides and commits jobs in one transaction. */
type Commit = (jobs: readonly Job[]) => Promise<JobResults>;

interface WaitingJob {
  job: Job;
  resolve: (result: Promise<ClaimJobResult>) => void;
}

/**
 * Commits the jobs of several lanes together: jobs that arrive while a transaction is in flight share the next one.
 * A transaction costs hardly more for many claims than for one.
 */
export class CommitGroup {
  #waiting: WaitingJob[] = [];
  #inFlight = 0;
  readonly #commit: Commit;

  constructor(commit: Commit) {
    this.#commit = commit;
  }

  /**
   * Resolves once the claims of a job are decided and committed.
   * @throws what its transaction threw.
   */
  add(job: Job): Promise<ClaimJobResult> {
    return new Promise((resolve) => {
      this.#waiting.push({ job, resolve });
      // Jobs of other lanes may arrive in the same turn of the event loop.
      setImmediate(() => this.#commitNext());
    });
  }

  #commitNext(): void {
    if (this.#waiting.length === 0 || this.#inFlight === TRANSACTIONS_IN_FLIGHT_MAX) return;
    this.#inFlight++;
    void this.#commitTogether(this.#take()).finally(() => {
      this.#inFlight--;
      this.#commitNext();
    });
  }

  /** Where the group fails, each job is committed alone: a job that can't be committed must not fail the others. */
  async #commitTogether(waiting: readonly WaitingJob[]): Promise<void> {
    const jobs = waiting.map(({ job }) => job);
    const results = jobs.length > 1 ? await this.#commit(jobs).catch(() => undefined) : undefined;
    for (const { job, resolve } of waiting) {
      const result = results ? Promise.resolve(resultOf(job, results)) : this.#commitAlone(job);
      resolve(result);
      await result.catch(() => {});
    }
  }

  async #commitAlone(job: Job): Promise<ClaimJobResult> {
    return resultOf(job, await this.#commit([job]));
  }

  /**
   * The jobs of the next transaction: at least one, and no more claims than one job may contain. A second run of the same job
   * waits for the transaction after it, where it finds the record of the first run.
   */
  #take(): WaitingJob[] {
    const taken = new Map<string, WaitingJob>();
    const left: WaitingJob[] = [];
    let claims = 0;
    for (const waiting of this.#waiting) {
      const { job } = waiting;
      const fits = taken.size === 0 || (left.length === 0 && claims + job.claims.length <= JOB_CLAIMS_MAX);
      if (fits && !taken.has(job.id)) {
        taken.set(job.id, waiting);
        claims += job.claims.length;
      } else left.push(waiting);
    }
    this.#waiting = left;
    return [...taken.values()];
  }
}

const resultOf = ({ id }: Job, results: JobResults): ClaimJobResult => results.get(id) as ClaimJobResult;
