import { PENDING_RECORD_WRITE_MAX_MS, type Place } from '@flashclaim/core';
import { insertPendingClaims, type Logger, type Mongo, type PendingClaim, within } from '@flashclaim/service';
import { StoreAwayError, type StoreWatch } from '../stores/store-watch.ts';
import { Batcher } from './batcher.ts';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

export interface PendingClaimsOptions {
  mongo: Mongo;
  mongoWatch: StoreWatch;
  /** Whether MongoDB holds as many pending records as it may. */
  isFull: () => boolean;
  log: Pick<Logger, 'warn'>;
}

/** Records that claims are pending, so that every process can tell what becomes of them. */
export class PendingClaims {
  readonly #options: PendingClaimsOptions;
  readonly #inserts: Batcher<PendingClaim, undefined>;

  constructor(options: PendingClaimsOptions) {
    const { mongo, mongoWatch } = options;
    this.#options = options;
    this.#inserts = new Batcher({
      call: async (records) => {
        await mongoWatch.answer(() => insertPendingClaims(mongo, records));
        return records.map(() => undefined);
      },
    });
  }

  /** Whether no claim can be recorded: who wants to be told `pending` is better not taken. */
  get isFull(): boolean {
    return this.#options.isFull();
  }

  /** What the caller of a pending claim is answered: to ask for it later, once every process can answer that. */
  async tell(claim: WaitingClaim): Promise<Answer> {
    if (this.isFull) return 'unknown';
    const { id, userId, couponName } = claim;
    const place = claim.place as Place;
    try {
      await within(PENDING_RECORD_WRITE_MAX_MS, this.#inserts.add({ claimId: id, userId, couponName, place }));
      return 'pending';
    } catch (error) {
      // The store watch has logged that MongoDB is down.
      if (!(error instanceof StoreAwayError))
        this.#options.log.warn(
          { claim: id, error: (error as Error).message },
          'a pending claim could not be recorded; it is decided, but its caller is asked to try again',
        );
      return 'unknown';
    }
  }
}
