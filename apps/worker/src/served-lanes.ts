import { findLanesWithJobs } from '@flashclaim/lanes';
import type { Logger, RedisConnection } from '@flashclaim/runtime';
import type { Worker } from 'bullmq';
import type { GlobalConcurrency } from './global-concurrency.ts';

/** How often a worker searches for jobs in lanes that it does not serve. The first job of such a lane waits so long. */
const FIND_LANES_EVERY_MS = 1_000;

export interface ServedLanesOptions {
  redis: RedisConnection;
  log: Pick<Logger, 'info' | 'warn'>;
  globalConcurrency: Pick<GlobalConcurrency, 'add'>;
  openLane: (lane: number) => Worker;
}

/**
 * The lanes whose jobs this worker runs: those of its own `CLAIM_LANES`, and every other lane in which it found jobs. So API and
 * worker processes may have different numbers of lanes, and no job stays without a worker.
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

  /** Opens the first `count` lanes, and later each further lane that contains jobs. Resolves once the first lanes are open. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, lane) => this.#open(lane)));
    this.#timer = setInterval(() => void this.#openFound(), FIND_LANES_EVERY_MS);
  }

  /** Resolves once no job runs. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await Promise.all([...this.#workers.values()].map((worker) => worker.close()));
  }

  async #openFound(): Promise<void> {
    const { redis, log } = this.#options;
    // While Redis is down, commands wait in the offline queue. One is enough.
    if (this.#finding || redis.status !== 'ready') return;
    this.#finding = true;
    try {
      const found = await findLanesWithJobs(redis);
      for (const lane of found.filter((lane) => !this.#workers.has(lane))) {
        await this.#open(lane);
        log.info({ lane }, 'a lane beyond CLAIM_LANES contains jobs; this worker runs them as well');
      }
    } catch (error) {
      if (!this.#closed)
        log.warn({ error: (error as Error).message }, 'the search for lanes with jobs failed; it is repeated');
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
