import { findUsedLanes, laneName, lanePrefix } from '@flashclaim/lanes';
import type { RedisConnection } from '@flashclaim/runtime';
import { Queue } from 'bullmq';
import type { StoreWatch } from '../../stores/store-watch.ts';

interface BoardLanesOptions {
  redis: RedisConnection;
  stores: { redis: StoreWatch };
  /** The lanes of this process, which are always shown. */
  lanes: readonly Queue[];
}

/** The lanes that Bull Board shows: those of this process, and others in Redis, from processes with more lanes. */
export class BoardLanes {
  readonly #options: BoardLanesOptions;
  readonly #show: (queue: Queue) => void;
  readonly #others = new Map<number, Queue>();

  constructor(options: BoardLanesOptions, show: (queue: Queue) => void) {
    this.#options = options;
    this.#show = show;
  }

  /**
   * Shows all lanes that are in Redis now.
   * @throws StoreDownError
   */
  async showUsed(): Promise<void> {
    const { redis, stores, lanes } = this.#options;
    const used = await stores.redis.answer(() => findUsedLanes(redis));
    for (const lane of used) if (lane >= lanes.length && !this.#others.has(lane)) this.#open(lane);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#others.values()].map((queue) => queue.close()));
  }

  /** Writes nothing to Redis: showing a lane must not create it. */
  #open(lane: number): void {
    const options = { connection: this.#options.redis, prefix: lanePrefix(lane), skipMetasUpdate: true };
    const queue = new Queue(laneName(lane), options);
    // The shared connection logs its errors itself.
    queue.on('error', () => {});
    this.#others.set(lane, queue);
    this.#show(queue);
  }
}
