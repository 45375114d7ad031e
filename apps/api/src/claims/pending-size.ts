import type { Logger } from '@flashclaim/runtime';
import type { Mongo } from '@flashclaim/store';

/**
 * Bytes of all pending records in MongoDB. Beyond it no caller is answered `pending`. A thousand claims a second, all
 * with `respond-async`, need half of it.
 */
const PENDING_RECORDS_MAX_BYTES = 4 * 1024 ** 3;

/** How often they are measured. */
const PENDING_RECORDS_MEASURE_EVERY_MS = 1_000;

export interface PendingSizeOptions {
  mongo: Pick<Mongo, 'pendingClaims'>;
  log: Pick<Logger, 'warn'>;
  bytesMax?: number;
}

/** Measures the pending records in MongoDB. They are deleted by age, which alone bounds neither their number nor their bytes. */
export class PendingSize {
  #bytes = 0;
  #isMeasuring = false;
  readonly #timer: NodeJS.Timeout;
  readonly #pendingClaims: Mongo['pendingClaims'];
  readonly #log: Pick<Logger, 'warn'>;
  readonly #bytesMax: number;

  constructor({ mongo, log, bytesMax = PENDING_RECORDS_MAX_BYTES }: PendingSizeOptions) {
    this.#pendingClaims = mongo.pendingClaims;
    this.#log = log;
    this.#bytesMax = bytesMax;
    this.#timer = setInterval(() => void this.#measure(), PENDING_RECORDS_MEASURE_EVERY_MS);
  }

  get isFull(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #measure(): Promise<void> {
    if (this.#isMeasuring) return;
    this.#isMeasuring = true;
    const wasFull = this.isFull;
    try {
      const stages = [{ $collStats: { storageStats: {} } }, { $project: { bytes: '$storageStats.size' } }];
      const [measured] = await this.#pendingClaims.aggregate<{ bytes: number }>(stages).toArray();
      this.#bytes = measured?.bytes ?? 0;
    } catch {
      // The last size is good enough for a moment. Where MongoDB is down, the store watch has logged it.
    }
    this.#isMeasuring = false;
    if (this.isFull && !wasFull)
      this.#log.warn(
        { bytes: this.#bytes, bytes_max: this.#bytesMax },
        'MongoDB contains as many pending claims as it may; until some expire, no caller is answered 202',
      );
  }
}
