import type { Place } from '@flashclaim/core';
import { type Logger, withTimeout } from '@flashclaim/runtime';
import { insertPendingClaims, type Mongo, type PendingClaim } from '@flashclaim/store';
import { StoreDownError, type StoreWatch } from '../stores/store-watch.ts';
import { SharedCalls } from './shared-calls.ts';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

/** How long a caller waits until the pending record is written. */
const PENDING_RECORD_WRITE_MAX_MS = 2_000;

export interface PendingClaimsOptions {
  mongo: Mongo;
  mongoWatch: StoreWatch;
  /** Whether MongoDB contains as many pending records as it may. */
  isFull: () => boolean;
  log: Pick<Logger, 'warn'>;
}

/** Records pending claims in MongoDB, so that every process can answer for them. */
export class PendingClaims {
  readonly #options: PendingClaimsOptions;
  readonly #inserts: SharedCalls<PendingClaim, undefined>;

  constructor(options: PendingClaimsOptions) {
    const { mongo, mongoWatch } = options;
    this.#options = options;
    this.#inserts = new SharedCalls({
      call: async (records) => {
        await mongoWatch.answer(() => insertPendingClaims(mongo, records));
        return records.map(() => undefined);
      },
    });
  }

  /** Resolves to `pending` once the claim is recorded, and to `unknown` where it could not be. */
  async record(claim: WaitingClaim): Promise<Answer> {
    const { isFull, log } = this.#options;
    if (isFull()) return 'unknown';
    const { id, userId, couponName } = claim;
    const place = claim.place as Place;
    try {
      await withTimeout(PENDING_RECORD_WRITE_MAX_MS, this.#inserts.add({ claimId: id, userId, couponName, place }));
      return 'pending';
    } catch (error) {
      // Where MongoDB is down, the store watch has logged it.
      if (!(error instanceof StoreDownError))
        log.warn(
          { claim: id, error: (error as Error).message },
          'a pending claim could not be recorded; it will be decided, and its caller is answered 503',
        );
      return 'unknown';
    }
  }
}
