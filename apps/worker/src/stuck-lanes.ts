import { HEALTH_CHECK_MS, LANE_STUCK_MS } from '@flashclaim/core';
import { inspectLane } from '@flashclaim/lanes';
import { type Logger, type RedisConnection, withTimeout } from '@flashclaim/runtime';

/** How often the lanes are inspected. */
const LANE_INSPECT_EVERY_MS = 5_000;

export interface StuckLanesOptions {
  redis: RedisConnection;
  /** The lanes to inspect. */
  lanes: () => readonly number[];
  log: Pick<Logger, 'warn' | 'info'>;
  stuckMs?: number;
  inspectEveryMs?: number;
}

/**
 * Finds stuck lanes: the same job waits for a long time although any worker could run it, and Redis answers.
 *
 * After an outage, workers may be connected but take no jobs. Only this check distinguishes them from idle workers. A lane is
 * stuck only if no worker takes the job, including this one, so a busy lane never counts as stuck.
 */
export class StuckLanes {
  readonly #options: Required<StuckLanesOptions>;
  readonly #timer: NodeJS.Timeout;
  /** The job that no worker ran, and since when, by lane. */
  readonly #unserved = new Map<number, { job: string; since: number }>();
  readonly #stuck = new Set<number>();
  #inspecting = false;

  constructor(options: StuckLanesOptions) {
    this.#options = { stuckMs: LANE_STUCK_MS, inspectEveryMs: LANE_INSPECT_EVERY_MS, ...options };
    this.#timer = setInterval(() => void this.#inspectAll(), this.#options.inspectEveryMs);
  }

  /** The stuck lanes, by number. */
  get stuck(): readonly number[] {
    return [...this.#stuck];
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #inspectAll(): Promise<void> {
    const { redis } = this.#options;
    if (this.#inspecting) return;
    this.#inspecting = true;
    const lanes = [...this.#options.lanes()];
    const inspection = Promise.all(lanes.map((lane) => inspectLane(redis, lane)));
    // Only one inspection runs at a time. While Redis is down, its commands wait in the offline queue.
    const end = inspection.then(
      () => {},
      () => {},
    );
    try {
      for (const [index, { unserved }] of (await withTimeout(HEALTH_CHECK_MS, inspection)).entries())
        this.#update(lanes[index] as number, unserved);
    } catch {
      // Redis does not answer. That is another fault, so the time of every lane starts again.
      for (const lane of lanes) this.#update(lane, undefined);
    }
    await end;
    this.#inspecting = false;
  }

  #update(lane: number, job: string | undefined): void {
    const { log, stuckMs } = this.#options;
    const before = this.#unserved.get(lane);
    if (job !== undefined && before?.job === job) {
      if (performance.now() - before.since < stuckMs || this.#stuck.has(lane)) return;
      this.#stuck.add(lane);
      log.warn({ lane, job }, 'no worker runs the jobs of a lane although Redis answers; restart this worker');
      return;
    }
    if (job === undefined) this.#unserved.delete(lane);
    else this.#unserved.set(lane, { job, since: performance.now() });
    if (this.#stuck.delete(lane)) log.info({ lane }, 'the jobs of a lane run again');
  }
}
