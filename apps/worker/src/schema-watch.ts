import { SCHEMA_BELIEVED_MS, SCHEMA_BUILD_EVERY_MS, SCHEMA_LOOK_EVERY_MS } from '@flashclaim/core';
import type { Logger } from '@flashclaim/runtime';
import { ensureCollections, findSchemaFaults } from '@flashclaim/store';
import type { Db } from 'mongodb';
import { hideUsers } from './hide-users.ts';

export interface SchemaWatchOptions {
  db: Db;
  log: Pick<Logger, 'warn' | 'info'>;
}

/**
 * Watches the unique indexes and validators while this worker runs. They are the last guard behind the decision, and someone
 * may drop them: a backup that is restored does. While one is missing nothing is granted here; it is built again, and where
 * that can't be, as the data has duplicates, it is tried again until it can.
 *
 * A look that fails says nothing about them: what was found before stays true for a moment, and then a job has to look
 * itself. So a MongoDB that is back costs one look and no wait.
 */
export class SchemaWatch {
  readonly #options: SchemaWatchOptions;
  readonly #timer: NodeJS.Timeout;
  /** When the last look began that found everything, by the monotonic clock. */
  #intactAt = Number.NEGATIVE_INFINITY;
  #faults: readonly string[] = [];
  /** Why the last try to build did not succeed. */
  #reason: string | undefined;
  #buildAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;
  #nextLook = Promise.withResolvers<void>();
  #closed = false;

  constructor(options: SchemaWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#look().catch(() => {}), SCHEMA_LOOK_EVERY_MS);
  }

  /** What is wrong, in a sentence or two; undefined where nothing is known to be. */
  get fault(): string | undefined {
    if (this.#faults.length === 0) return undefined;
    const lacks = `MongoDB lacks ${this.#faults.join(', ')}: nothing is granted until it is there again.`;
    return this.#reason === undefined ? lacks : `${lacks} It can't be built: ${this.#reason}`;
  }

  /**
   * Resolves once everything is known to be there.
   * @throws where MongoDB can't be asked, or this worker stops before that: the job is then run again.
   */
  async intact(): Promise<void> {
    while (this.#faults.length > 0 || performance.now() - this.#intactAt > SCHEMA_BELIEVED_MS) {
      if (this.#faults.length === 0) await this.#look();
      else if (this.#closed) throw new Error(this.fault);
      else await this.#nextLook.promise;
    }
  }

  /** From now on nothing waits for what is missing. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#nextLook.resolve();
  }

  /** Runs one look at a time: a second caller waits for the first one's. */
  #look(): Promise<void> {
    this.#looking ??= this.#lookNow().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #lookNow(): Promise<void> {
    const { promise, resolve, reject } = this.#nextLook;
    // Nobody may be waiting for it.
    promise.catch(() => {});
    try {
      const startedAt = performance.now();
      const faults = await findSchemaFaults(this.#options.db);
      this.#note(faults);
      if (faults.length === 0) this.#intactAt = startedAt;
      else await this.#build();
      resolve();
    } catch (error) {
      reject(error);
      throw error;
    } finally {
      this.#nextLook = Promise.withResolvers();
    }
  }

  #note(faults: readonly string[]): void {
    const { log } = this.#options;
    const began = this.#faults.length === 0 && faults.length > 0;
    const ended = this.#faults.length > 0 && faults.length === 0;
    this.#faults = faults;
    if (began)
      log.warn({ lacks: faults }, 'MongoDB lacks what keeps claims unique; nothing is granted until it is there');
    if (ended) {
      log.info('MongoDB has again what keeps claims unique; claims are granted');
      this.#reason = undefined;
      this.#buildAt = Number.NEGATIVE_INFINITY;
    }
  }

  /** The next look tells whether it helped. */
  async #build(): Promise<void> {
    if (performance.now() < this.#buildAt) return;
    const { db, log } = this.#options;
    try {
      await ensureCollections(db);
    } catch (error) {
      const { message } = hideUsers((error as Error).cause ?? error) as Error;
      if (this.#reason === undefined) log.warn({ error: message }, 'an index can not be built; it is tried again');
      this.#reason = message;
      this.#buildAt = performance.now() + SCHEMA_BUILD_EVERY_MS;
    }
  }
}
