import { laneName, lanePrefix, ONE_AT_A_TIME_EVERY_MS, ONE_AT_A_TIME_SILENT_INTERVALS_MAX } from '@flashclaim/core';
import type { Logger, RedisConnection } from '@flashclaim/service';
import { Queue } from 'bullmq';

/**
 * Keeps every lane at one job at a time in the whole cluster. BullMQ keeps that setting in Redis, where it is gone with
 * everything else when Redis starts empty or is flushed; until it is back, transactions of a coupon may conflict, which is
 * slow and harmless. So it is said again at once when Redis is back, and regularly. Where that meets nothing but silence,
 * the connection is made anew: a server that vanished never closes it. BullMQ looks after its blocking connections itself.
 */
export class OneAtATime {
  readonly #redis: RedisConnection;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #queues = new Map<number, Queue>();
  readonly #timer: NodeJS.Timeout;
  #saying = false;
  #silentIntervals = 0;

  constructor(redis: RedisConnection, log: Pick<Logger, 'warn'>) {
    this.#redis = redis;
    this.#log = log;
    this.#timer = setInterval(() => this.#tick(), ONE_AT_A_TIME_EVERY_MS);
    redis.on('ready', this.#sayAgain);
  }

  /** From now on, the lane is kept so. Resolves once that is said for the first time. */
  async add(lane: number): Promise<void> {
    const queue = this.#queues.get(lane) ?? this.#open(lane);
    this.#queues.set(lane, queue);
    await queue.setGlobalConcurrency(1);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#redis.off('ready', this.#sayAgain);
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }

  #open(lane: number): Queue {
    const queue = new Queue(laneName(lane), { connection: this.#redis, prefix: lanePrefix(lane) });
    // The connection reports its own trouble.
    queue.on('error', () => {});
    return queue;
  }

  readonly #sayAgain = async (): Promise<void> => {
    // While Redis is away, what is said would wait in line, and once is enough.
    if (this.#saying || this.#redis.status !== 'ready') return;
    this.#saying = true;
    const said = Promise.all([...this.#queues.values()].map((queue) => queue.setGlobalConcurrency(1)));
    await said.catch((error: Error) =>
      this.#log.warn({ error: error.message }, 'lanes could not be told to run one job at a time; they are told again'),
    );
    this.#saying = false;
    this.#silentIntervals = 0;
  };

  #tick(): void {
    void this.#sayAgain();
    // `connect` is a connection that was made and says nothing since.
    const silent = this.#redis.status === 'ready' || this.#redis.status === 'connect';
    if (!silent || ++this.#silentIntervals <= ONE_AT_A_TIME_SILENT_INTERVALS_MAX) return;
    this.#silentIntervals = 0;
    this.#log.warn('Redis does not answer; connecting anew');
    this.#redis.disconnect(true);
  }
}
