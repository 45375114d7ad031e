import { HEALTH_CHECK_MS, LANE_STUCK_MS } from '@flashclaim/core';
import { inspectLane } from '@flashclaim/lanes';
import { type Logger, type RedisConnection, withTimeout } from '@flashclaim/runtime';

/** How often the lanes are inspected. */
const LANE_INSPECT_EVERY_MS = 5_000;

export interface StuckLanesOptions {
  redis: RedisConnection;
  /** The lanes to look at, as they are now. */
  lanes: () => readonly number[];
  log: Pick<Logger, 'warn' | 'info'>;
  stuckMs?: number;
  lookEveryMs?: number;
}

/**
 * Finds lanes that stand still: the same job waits in one for long although any worker might run it, and Redis answers.
 * Workers that came back from an outage connected, but took no more jobs, are what this is for: nothing else tells them from
 * idle ones. It takes every worker to leave a job alone, this one included, so a busy lane is never taken for a stuck one.
 */
export class StuckLanes {
  readonly #options: Required<StuckLanesOptions>;
  readonly #timer: NodeJS.Timeout;
  /** The job that no worker ran, and since when, by lane. */
  readonly #unserved = new Map<number, { job: string; since: number }>();
  readonly #stuck = new Set<number>();
  #looking = false;

  constructor(options: StuckLanesOptions) {
    this.#options = { stuckMs: LANE_STUCK_MS, lookEveryMs: LANE_INSPECT_EVERY_MS, ...options };
    this.#timer = setInterval(() => void this.#inspectAll(), this.#options.lookEveryMs);
  }

  /** The lanes that stand still. */
  get stuck(): readonly number[] {
    return [...this.#stuck];
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #inspectAll(): Promise<void> {
    const { redis } = this.#options;
    if (this.#looking) return;
    this.#looking = true;
    const lanes = [...this.#options.lanes()];
    const looks = Promise.all(lanes.map((lane) => inspectLane(redis, lane)));
    // Only one look is under way, also while Redis is away: its commands wait for it.
    const end = looks.then(
      () => {},
      () => {},
    );
    try {
      for (const [index, { unserved }] of (await withTimeout(HEALTH_CHECK_MS, looks)).entries())
        this.#note(lanes[index] as number, unserved);
    } catch {
      // Redis does not answer: that is another trouble, and afterwards the lanes have their time anew.
      for (const lane of lanes) this.#note(lane, undefined);
    }
    await end;
    this.#looking = false;
  }

  #note(lane: number, job: string | undefined): void {
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
    if (this.#stuck.delete(lane)) log.info({ lane }, 'the jobs of a lane are run again');
  }
}
