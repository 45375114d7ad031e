import type { Logger } from '@flashclaim/runtime';
import { ensureCollections, findSchemaFaults } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { hideUsers } from './hide-users.ts';

/** How often indexes and validators are checked. */
const SCHEMA_CHECK_EVERY_MS = 1_000;

/**
 * How long a check is valid: a job that starts later checks first. With the time of a transaction, no unit is granted
 * five seconds after an index is gone.
 */
const SCHEMA_VALID_MS = 3_000;

/** Pause after a failed build of an index: each build reads the whole collection. */
const SCHEMA_BUILD_EVERY_MS = 5_000;

export interface SchemaWatchOptions {
  db: Db;
  log: Pick<Logger, 'warn' | 'info'>;
}

/**
 * Checks indexes and validators while this worker runs. They are the last guard behind the decision, and they can
 * disappear: restoring a backup drops them. While one is missing, this worker grants nothing. It builds the index again, and
 * repeats that while it fails, as it does where the data contain duplicates.
 *
 * A check that fails says nothing: the last result stays valid for a moment, and then a job has to check by itself. So after an
 * outage of MongoDB a job costs one check and no wait.
 */
export class SchemaWatch {
  readonly #options: SchemaWatchOptions;
  readonly #timer: NodeJS.Timeout;
  /** When the last check without a fault began, by the monotonic clock. */
  #intactAt = Number.NEGATIVE_INFINITY;
  #faults: readonly string[] = [];
  /** Why the last build failed. */
  #reason: string | undefined;
  #buildAt = Number.NEGATIVE_INFINITY;
  #checking: Promise<void> | undefined;
  #nextCheck = Promise.withResolvers<void>();
  #closed = false;

  constructor(options: SchemaWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#check().catch(() => {}), SCHEMA_CHECK_EVERY_MS);
  }

  /** The number of missing indexes and validators. */
  get missing(): number {
    return this.#faults.length;
  }

  /** The fault, in a sentence or two; undefined where there is none. */
  get fault(): string | undefined {
    if (this.#faults.length === 0) return undefined;
    const missing = `Missing in MongoDB: ${this.#faults.join(', ')}. Nothing is granted until it exists.`;
    return this.#reason === undefined ? missing : `${missing} It can't be built: ${this.#reason}`;
  }

  /**
   * Resolves once all indexes and validators exist.
   * @throws where MongoDB does not answer, or this worker stops before: the job is then retried.
   */
  async intact(): Promise<void> {
    while (this.#faults.length > 0 || performance.now() - this.#intactAt > SCHEMA_VALID_MS) {
      if (this.#faults.length === 0) await this.#check();
      else if (this.#closed) throw new Error(this.fault);
      else await this.#nextCheck.promise;
    }
  }

  /** Jobs that wait for a missing index fail, and another worker retries them. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#nextCheck.resolve();
  }

  /** Runs one check at a time: a second caller shares it. */
  #check(): Promise<void> {
    this.#checking ??= this.#checkNow().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  async #checkNow(): Promise<void> {
    const { promise, resolve, reject } = this.#nextCheck;
    // There may be no waiting job.
    promise.catch(() => {});
    try {
      const startedAt = performance.now();
      const faults = await findSchemaFaults(this.#options.db);
      this.#update(faults);
      if (faults.length === 0) this.#intactAt = startedAt;
      else await this.#build();
      resolve();
    } catch (error) {
      reject(error);
      throw error;
    } finally {
      this.#nextCheck = Promise.withResolvers();
    }
  }

  #update(faults: readonly string[]): void {
    const { log } = this.#options;
    const began = this.#faults.length === 0 && faults.length > 0;
    const ended = this.#faults.length > 0 && faults.length === 0;
    this.#faults = faults;
    if (began) log.warn({ missing: faults }, 'indexes or validators are missing; nothing is granted until they exist');
    if (ended) {
      log.info('indexes and validators exist again; claims are granted');
      this.#reason = undefined;
      this.#buildAt = Number.NEGATIVE_INFINITY;
    }
  }

  /** The next check finds out whether this helped. */
  async #build(): Promise<void> {
    if (performance.now() < this.#buildAt) return;
    const { db, log } = this.#options;
    try {
      await ensureCollections(db);
    } catch (error) {
      const { message } = hideUsers((error as Error).cause ?? error) as Error;
      if (this.#reason === undefined) log.warn({ error: message }, "an index can't be built; the build is repeated");
      this.#reason = message;
      this.#buildAt = performance.now() + SCHEMA_BUILD_EVERY_MS;
    }
  }
}
