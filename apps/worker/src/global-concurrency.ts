import { GLOBAL_CONCURRENCY_EVERY_MS, GLOBAL_CONCURRENCY_SILENT_INTERVALS_MAX } from '@flashclaim/core';
import { laneName, lanePrefix } from '@flashclaim/lanes';
import type { Logger, RedisConnection } from '@flashclaim/runtime';
import { Queue } from 'bullmq';

/**
 * Keeps every lane at one job at a time in the whole cluster. BullMQ keeps that setting in Redis, where it is gone with
 * everything else when Redis starts empty or is flushed; until it is back, transactions of a coupon may conflict, which is
 * slow and harmless. So the worker writes it again at once when Redis is back, and regularly. Where no answer comes, the worker
 * reconnects: a server that vanished never closes a connection. BullMQ looks after its blocking connections itself.
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

  /** Enforces it for one more lane. Resolves once Redis has the setting. */
  async add(lane: number): Promise<void> {
    const queue = this.#queues.get(lane) ?? this.#open(lane);
    this.#queues.set(lane, queue);
    await queue.setGlobalConcurrency(1);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#redis.off('ready', this.#setAgain);
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  #open(lane: number): Queue {
    const queue = new Queue(laneName(lane), { connection: this.#redis, prefix: lanePrefix(lane) });
    // The connection reports its own trouble.
    queue.on('error', () => {});
    return queue;
  }

  readonly #setAgain = async (): Promise<void> => {
    // While Redis is down, each command would wait in the offline queue, and one is enough.
    if (this.#setting || this.#redis.status !== 'ready') return;
    this.#setting = true;
    const set = Promise.all([...this.#queues.values()].map((queue) => queue.setGlobalConcurrency(1)));
    await set.catch((error: Error) =>
      this.#log.warn({ error: error.message }, 'the limit of one job at a time could not be set; trying again'),
    );
    this.#setting = false;
    this.#silentIntervals = 0;
  };

  #tick(): void {
    void this.#setAgain();
    // `connect` is a connection that was made and says nothing since.
    const silent = this.#redis.status === 'ready' || this.#redis.status === 'connect';
    if (!silent || ++this.#silentIntervals <= GLOBAL_CONCURRENCY_SILENT_INTERVALS_MAX) return;
    this.#silentIntervals = 0;
    this.#log.warn('Redis does not answer; reconnecting');
    this.#redis.disconnect(true);
  }
}
