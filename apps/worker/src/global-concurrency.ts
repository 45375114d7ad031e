import { GLOBAL_CONCURRENCY_EVERY_MS } from '@flashclaim/core';
import { openQueue } from '@flashclaim/lanes';
import type { Logger, RedisConnection } from '@flashclaim/runtime';
import type { Queue } from 'bullmq';

/** Intervals without an answer after which the worker reconnects. */
const GLOBAL_CONCURRENCY_SILENT_INTERVALS_MAX = 4;

/**
 * Sets BullMQ's global concurrency to one job for every lane. BullMQ stores this setting in Redis, and a Redis that starts empty
 * or is flushed has lost it. Without it, transactions for a coupon may conflict, which is slow and harmless. So the worker sets
 * it again when it reconnects, and regularly. Where Redis does not answer, the worker reconnects: a server that vanished never
 * closes a connection. BullMQ watches its blocking connections by itself.
 */
export class GlobalConcurrency {
  readonly #redis: RedisConnection;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #queues = new Map<number, Queue>();
  readonly #timer: NodeJS.Timeout;
  #setting = false;
  #silentIntervals = 0;

  constructor(redis: RedisConnection, log: Pick<Logger, 'warn'>) {
    this.#redis = redis;
    this.#log = log;
    this.#timer = setInterval(() => this.#tick(), GLOBAL_CONCURRENCY_EVERY_MS);
    redis.on('ready', this.#setAgain);
  }

  /** Sets it for one more lane. Resolves once Redis has the setting. */
  async add(lane: number): Promise<void> {
    const queue = this.#queues.get(lane) ?? openQueue(lane, this.#redis);
    this.#queues.set(lane, queue);
    await queue.setGlobalConcurrency(1);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#redis.off('ready', this.#setAgain);
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  readonly #setAgain = async (): Promise<void> => {
    // While Redis is down, commands wait in the offline queue. One is enough.
    if (this.#setting || this.#redis.status !== 'ready') return;
    this.#setting = true;
    const set = Promise.all([...this.#queues.values()].map((queue) => queue.setGlobalConcurrency(1)));
    await set.catch((error: Error) =>
      this.#log.warn({ error: error.message }, 'the global concurrency of the lanes could not be set; it is set again'),
    );
    this.#setting = false;
    this.#silentIntervals = 0;
  };

  #tick(): void {
    void this.#setAgain();
    // `connect` means connected, but without an answer yet.
    const silent = this.#redis.status === 'ready' || this.#redis.status === 'connect';
    if (!silent || ++this.#silentIntervals <= GLOBAL_CONCURRENCY_SILENT_INTERVALS_MAX) return;
    this.#silentIntervals = 0;
    this.#log.warn('Redis does not answer; reconnecting');
    this.#redis.disconnect(true);
  }
}
