import { findLanesWithJobs } from '@flashclaim/lanes';
import type { Logger, RedisConnection } from '@flashclaim/runtime';
import type { Worker } from 'bullmq';
import type { GlobalConcurrency } from './global-concurrency.ts';

/** How often a worker looks for jobs in lanes that it does not serve. Their callers wait for so much longer, once. */
const FIND_LANES_EVERY_MS = 1_000;

export interface ServedLanesOptions {
  redis: RedisConnection;
  log: Pick<Logger, 'info' | 'warn'>;
  globalConcurrency: Pick<GlobalConcurrency, 'add'>;
  openLane: (lane: number) => Worker;
}

/**
 * The lanes whose jobs this worker runs: those of its own number, and each other one that was ever found to hold jobs. So it
 * does not matter how many lanes others have, or had, and no job waits for a worker that will not come.
 */
export class ServedLanes {
  readonly #options: ServedLanesOptions;
  readonly #workers = new Map<number, Worker>();
  #timer: NodeJS.Timeout | undefined;
  #finding = false;
  #closed = false;

  constructor(options: ServedLanesOptions) {
    this.#options = options;
  }

  get numbers(): readonly number[] {
    return [...this.#workers.keys()];
  }

  /** Opens the first lanes, so many, and from then on each further one that holds jobs. Resolves once the first ones work. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, lane) => this.#open(lane)));
    this.#timer = setInterval(() => void this.#openFound(), FIND_LANES_EVERY_MS);
  }

  /** Resolves once no job runs any more. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
  }

  async #openFound(): Promise<void> {
    const { redis, log } = this.#options;
    // While Redis is down, each command would wait in the offline queue, and one is enough.
    if (this.#finding || redis.status !== 'ready') return;
    this.#finding = true;
    try {
      const found = await findLanesWithJobs(redis);
      for (const lane of found.filter((lane) => !this.#workers.has(lane))) {
        await this.#open(lane);
        log.info({ lane }, 'a lane beyond CLAIM_LANES holds jobs; this worker runs them, too');
      }
    } catch (error) {
      if (!this.#closed)
        log.warn({ error: (error as Error).message }, 'lanes could not be looked for; they are looked for again');
    }
    this.#finding = false;
  }

  async #open(lane: number): Promise<void> {
    const { globalConcurrency, openLane } = this.#options;
    if (this.#closed) return;
    await globalConcurrency.add(lane);
    if (!this.#closed) this.#workers.set(lane, openLane(lane));
  }
}
