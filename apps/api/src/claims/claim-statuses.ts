import { type ClaimStatus, STATUSES_PER_READ_MAX } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/service';
import { ProblemError } from '../problem.ts';
import type { StoreWatch } from '../stores/store-watch.ts';
import { Batcher } from './batcher.ts';
import { findClaims } from './claim-status.ts';

export interface ClaimStatusesOptions {
  mongo: Mongo;
  mongoWatch: Pick<StoreWatch, 'answer'>;
  /** Callers that may wait. */
  waitingMax: number;
  find?: typeof findClaims;
}

/** Reads the statuses of claims for callers who ask at the same time together: they need one connection, however many they are. */
export class ClaimStatuses {
  readonly #reads: Batcher<string, ClaimStatus | undefined>;
  readonly #waitingMax: number;

  constructor({ mongo, mongoWatch, waitingMax, find = findClaims }: ClaimStatusesOptions) {
    this.#waitingMax = waitingMax;
    this.#reads = new Batcher({
      call: async (claimIds) => {
        const statuses = await mongoWatch.answer(() => find(mongo, [...new Set(claimIds)]));
        return claimIds.map((id) => statuses.get(id));
      },
      itemsMax: STATUSES_PER_READ_MAX,
    });
  }

  /**
   * Where a claim is. Resolves to undefined for an id that holds no unit and has no pending record, or none any more.
   * @throws ProblemError `overloaded` where too many ask, `unavailable` where MongoDB does not answer.
   */
  async find(claimId: string): Promise<ClaimStatus | undefined> {
    if (this.#reads.waiting >= this.#waitingMax)
      throw new ProblemError('overloaded', 'Too many callers ask for their claims at once. Ask again shortly.');
    return this.#reads.add(claimId);
  }
}
