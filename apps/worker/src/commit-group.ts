import {
  type Claim,
  type ClaimJobResult,
  JOB_CLAIMS_MAX,
  splitResult,
  TRANSACTIONS_UNDER_WAY_MAX,
} from '@flashclaim/core';

/** Whether a run still has its job. */
export type Holds = () => Promise<boolean>;

/** Decides and commits claims in one transaction. */
type Commit = (claims: readonly Claim[], holds: Holds) => Promise<ClaimJobResult>;

interface WaitingJob {
  claims: readonly Claim[];
  holds: Holds;
  resolve: (result: Promise<ClaimJobResult>) => void;
}

/**
 * Commits the jobs of several lanes as one: those that come while a transaction is under way wait, and share the next.
 * A transaction costs hardly more for many claims than for one, and two lanes never share a coupon.
 */
export class CommitGroup {
  #waiting: WaitingJob[] = [];
  #underWay = 0;
  readonly #commit: Commit;

  constructor(commit: Commit) {
    this.#commit = commit;
  }

  /**
   * Resolves once the claims of a job are decided and committed.
   * @throws what its transaction threw.
   */
  add(claims: readonly Claim[], holds: Holds): Promise<ClaimJobResult> {
    return new Promise((resolve) => {
      this.#waiting.push({ claims, holds, resolve });
      // Jobs of other lanes may have come in the same turn.
      setImmediate(() => this.#commitNext());
    });
  }

  #commitNext(): void {
    if (this.#waiting.length === 0 || this.#underWay === TRANSACTIONS_UNDER_WAY_MAX) return;
    this.#underWay++;
    void this.#commitTogether(this.#take()).finally(() => {
      this.#underWay--;
      this.#commitNext();
    });
  }

  /** Where the whole fails, each job is tried alone: one that can't be committed must not take the others along. */
  async #commitTogether(jobs: readonly WaitingJob[]): Promise<void> {
    const results = jobs.length > 1 ? await this.#inOneTransaction(jobs).catch(() => undefined) : undefined;
    for (const [index, { claims, holds, resolve }] of jobs.entries()) {
      const result = Promise.resolve(results?.[index] ?? this.#commit(claims, holds));
      resolve(result);
      await result.catch(() => {});
    }
  }

  async #inOneTransaction(jobs: readonly WaitingJob[]): Promise<ClaimJobResult[]> {
    const holdAll = async () => (await Promise.all(jobs.map(({ holds }) => holds()))).every(Boolean);
    const claimsOfAll = jobs.flatMap(({ claims }) => claims);
    const whole = await this.#commit(claimsOfAll, holdAll);
    let end = 0;
    return jobs.map(({ claims }) => {
      end += claims.length;
      return splitResult(whole, end - claims.length, end);
    });
  }

  /** The jobs of the next transaction: at least one, and no more claims than one job may hold. */
  #take(): WaitingJob[] {
    let claims = 0;
    const tooMany = this.#waiting.findIndex((job, index) => {
      claims += job.claims.length;
      return index > 0 && claims > JOB_CLAIMS_MAX;
    });
    return this.#waiting.splice(0, tooMany === -1 ? this.#waiting.length : tooMany);
  }
}
