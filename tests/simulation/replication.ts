import { Timestamp } from 'mongodb';
import { START_MS } from './clock.ts';
import type { World } from './world.ts';

/** Largest error of a member's clock: less than an hour. */
const MEMBER_ERROR_MAX_SECONDS = 3_500;

/** Longest time after an election in which majority reads may lag behind acknowledged writes. */
const LAG_MAX_MS = 3_000;

/** Largest lag of those reads. */
const BEHIND_MAX_MS = 1_500;

/** How often an idle primary writes a no-op, by its clock. */
const NO_OP_EVERY_SECONDS = 10;

/** Cluster times are numbers here: seconds since the epoch, times this, plus a count within the second. */
const TICKS_PER_SECOND = 1_000_000;

export const toTimestamp = (time: number): Timestamp =>
  new Timestamp({ t: Math.floor(time / TICKS_PER_SECOND), i: time % TICKS_PER_SECOND });

interface Waiting {
  at: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * The writes of a replica set by number: which of them a majority has, which of those the primary knows to be there, and
 * their cluster times. An election may lose writes that no majority has.
 */
export class Replication {
  readonly #world: World;
  #committed = 0;
  #majority = 0;
  /** The last write that majority reads see. After an election it may lag for a while. */
  #readable = 0;
  #laggingUntilMs = 0;
  #waiting: Waiting[] = [];
  /** History of `#readable`. */
  #readableHistory: { sinceMs: number; at: number }[] = [{ sinceMs: 0, at: 0 }];
  /** The cluster time of each write. */
  readonly #times: number[];
  /** Ranges of writes that elections lost. */
  readonly #lost: { after: number; upTo: number }[] = [];
  #last: number;
  #memberErrorSeconds: number;
  /** Counts elections. */
  term = 1;

  constructor(world: World) {
    this.#world = world;
    const { random } = world;
    this.#memberErrorSeconds = random.chance(0.5) ? 0 : random.int(-MEMBER_ERROR_MAX_SECONDS, MEMBER_ERROR_MAX_SECONDS);
    this.#last = this.wallSeconds * TICKS_PER_SECOND;
    this.#times = [this.#last];
  }

  /** The number of the last write on the primary. */
  get committed(): number {
    return this.#committed;
  }

  get readable(): number {
    return this.#readable;
  }

  /** The primary's own clock, in ms since the epoch. */
  get wallMs(): number {
    return START_MS + Math.floor(this.#world.nowMs()) + this.#memberErrorSeconds * 1_000;
  }

  /** The same in whole seconds. */
  get wallSeconds(): number {
    return Math.floor(this.wallMs / 1_000);
  }

  /** The cluster time of the last write that the primary has. */
  get appliedTime(): number {
    const noOpSeconds = Math.floor(this.wallSeconds / NO_OP_EVERY_SECONDS) * NO_OP_EVERY_SECONDS;
    this.#last = Math.max(this.#last, noOpSeconds * TICKS_PER_SECOND);
    return this.#last;
  }

  /** The cluster time of the last write that majority reads see. */
  get readableTime(): number {
    return this.#readable === this.#committed ? this.appliedTime : (this.#times[this.#readable] as number);
  }

  /** Returns the number of a new write. `replicate` sends it to the other members. */
  write(): number {
    this.#times.push(this.tick());
    return ++this.#committed;
  }

  /** Returns a new cluster time, for a write or for a timestamp in a document. */
  tick(): number {
    this.#last = Math.max(this.#last + 1, this.wallSeconds * TICKS_PER_SECOND);
    return this.#last;
  }

  isLost(at: number): boolean {
    return this.#lost.some(({ after, upTo }) => at > after && at <= upTo);
  }

  /** Sends a write to the other members. Resolves once a majority has it. */
  replicate(at: number): Promise<void> {
    const { random, nowMs, replicationMaxMs } = this.#world;
    const { term } = this;
    const delayMs = random.chance(0.3) ? random.int(1, replicationMaxMs) : 0;
    setTimeout(
      () => {
        if (term === this.term) this.#replicated(at);
      },
      Math.max(delayMs, this.#laggingUntilMs - nowMs()),
    );
    return this.onceMajority(at);
  }

  /** Resolves once the primary knows that a majority has the write. Rejects if an election comes first. */
  onceMajority(at: number): Promise<void> {
    if (at <= this.#readable) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ at, resolve, reject });
    });
  }

  /**
   * Another member takes over, with its own clock. It has every write that a majority had, and maybe more. It may learn late
   * which writes a majority has.
   * @returns the last write that it has.
   */
  failover(error: () => Error): number {
    const { random, nowMs } = this.#world;
    this.term++;
    const kept = random.chance(0.5) ? this.#majority : random.int(this.#majority, this.#committed);
    this.#lost.push({ after: kept, upTo: this.#committed });
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(error());
    if (random.chance(0.4)) this.#memberErrorSeconds = random.int(-MEMBER_ERROR_MAX_SECONDS, MEMBER_ERROR_MAX_SECONDS);
    const lagMs = random.pick([0, 0, random.int(1, 100), random.int(1, LAG_MAX_MS)]);
    if (lagMs > 0) {
      this.#laggingUntilMs = nowMs() + lagMs;
      const knownAtMs = nowMs() - random.int(0, BEHIND_MAX_MS);
      this.#readable = Math.min(
        this.#readable,
        this.#readableHistory.findLast(({ sinceMs }) => sinceMs <= knownAtMs)?.at ?? 0,
      );
      this.#world.coverage['lagging reads']++;
    }
    // Its first write: once a majority has it, a majority has all earlier writes too.
    const first = this.write();
    if (lagMs === 0) this.#replicated(first);
    else this.replicate(first).catch(() => {});
    return kept;
  }

  #replicated(at: number): void {
    if (at <= this.#readable) return;
    this.#readable = at;
    this.#majority = Math.max(this.#majority, at);
    this.#readableHistory.push({ sinceMs: this.#world.nowMs(), at });
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = waiting.filter((one) => one.at > at);
    for (const one of waiting) if (one.at <= at) one.resolve();
  }
}
