import type { ClaimStatus } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import { ProblemError } from '../http/problem.ts';
import type { StoreWatch } from '../stores/store-watch.ts';
import { findClaims } from './find-claims.ts';
import { SharedCalls } from './shared-calls.ts';

/** Claims whose statuses are read together. */
const STATUSES_PER_READ_MAX = 200;

export interface ClaimStatusesOptions {
  mongo: Mongo;
  mongoWatch: Pick<StoreWatch, 'answer'>;
  /** Callers that may wait. */
  waitingMax: number;
  find?: typeof findClaims;
}

/** Reads the statuses of claims. Callers at the same time share a read, so any number of them needs one connection. */
export class ClaimStatuses {
  readonly #reads: SharedCalls<string, ClaimStatus | undefined>;
  readonly #waitingMax: number;

  constructor({ mongo, mongoWatch, waitingMax, find = findClaims }: ClaimStatusesOptions) {
    this.#waitingMax = waitingMax;
    this.#reads = new SharedCalls({
      call: async (claimIds) => {
        const statuses = await mongoWatch.answer(() => find(mongo, [...new Set(claimIds)]));
        return claimIds.map((id) => statuses.get(id));
      },
      itemsMax: STATUSES_PER_READ_MAX,
    });
  }

  /**
   * Resolves to undefined for an id that holds no unit and has no pending record, or none any more.
   * @throws ProblemError `overloaded` where too many callers wait, `unavailable` where MongoDB does not answer.
   */
  async find(claimId: string): Promise<ClaimStatus | undefined> {
    if (this.#reads.waiting >= this.#waitingMax)
      throw new ProblemError('overloaded', 'Too many callers ask for the status of a claim. Try again shortly.');
    return this.#reads.add(claimId);
  }
}
