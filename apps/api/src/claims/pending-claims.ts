import type { Place } from '@flashclaim/core';
import { insertPendingClaims, type Logger, type Mongo, type PendingClaim } from '@flashclaim/service';
import { StoreAwayError, type StoreWatch } from '../stores/store-watch.ts';
import type { Answer, WaitingClaim } from './waiting-claim.ts';

interface Waiting {
  record: PendingClaim;
  resolve: () => void;
  reject: (error: Error) => void;
}

interface PendingClaimsOptions {
  mongo: Mongo;
  mongoWatch: StoreWatch;
  log: Pick<Logger, 'warn'>;
}

/**
 * Records that claims are pending, so that every process can tell what becomes of them. Claims that come while a write is in
 * flight share the next one.
 */
export class PendingClaims {
  #waiting: Waiting[] = [];
  #writing = false;
  readonly #options: PendingClaimsOptions;

  constructor(options: PendingClaimsOptions) {
    this.#options = options;
  }

  /** What the caller of a pending claim is answered: to ask for it later, once every process can answer that. */
  async tell(claim: WaitingClaim): Promise<Answer> {
    const { id, userId, couponName } = claim;
    const place = claim.place as Place;
    try {
      await this.#write({ claimId: id, userId, couponName, place });
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

  #write(record: PendingClaim): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      if (this.#waiting.length === 1 && !this.#writing) setImmediate(() => void this.#writeAll());
    });
  }

  async #writeAll(): Promise<void> {
    const { mongo, mongoWatch } = this.#options;
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const records = waiting.map(({ record }) => record);
      try {
        await mongoWatch.answer(() => insertPendingClaims(mongo, records));
        for (const { resolve } of waiting) resolve();
      } catch (error) {
        for (const { reject } of waiting) reject(error as Error);
      }
    }
    this.#writing = false;
  }
}
