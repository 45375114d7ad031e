import { Timestamp } from 'mongodb';
import { START_MS } from './clock.ts';
import type { World } from './world.ts';

/** The clock of a member is wrong by less than an hour. */
const MEMBER_ERROR_MAX_SECONDS = 3_500;

/** How long after an election majority reads may lag behind what was acknowledged before, at most. */
const LAG_MAX_MS = 3_000;

/** How far behind they may be. */
const BEHIND_MAX_MS = 1_500;

/** How often a primary that has nothing to write writes a no-op, by its clock. */
const NO_OP_EVERY_SECONDS = 10;

/** Cluster times are numbers here: seconds since the epoch and a count within each, in one. */
const TICKS_PER_SECOND = 1_000_000;

export const toTimestamp = (time: number): Timestamp =>
  new Timestamp({ t: Math.floor(time / TICKS_PER_SECOND), i: time % TICKS_PER_SECOND });

interface Waiting {
  at: number;
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * The writes of a replica set by number: which of them a majority has, which of those its primary knows of, and what the
 * cluster time was. An election may lose what no majority has.
 */
export class Replication {
  readonly #world: World;
  #committed = 0;
  #majority = 0;
  /** What majority reads see: after an election less than a majority has, for a while. */
  #readable = 0;
  #laggingUntilMs = 0;
  #waiting: Waiting[] = [];
  /** What majority reads saw, and since when. */
  #points: { sinceMs: number; at: number }[] = [{ sinceMs: 0, at: 0 }];
  /** The cluster time of each write. */
  readonly #times: number[];
  /** Writes that an election lost: those after one, up to another. */
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

  /** The number of the last write, whoever has it. */
  get committed(): number {
    return this.#committed;
  }

  get readable(): number {
    return this.#readable;
  }

  /** What the primary's own clock says, in seconds since the epoch. */
  get wallSeconds(): number {
    return Math.floor((START_MS + this.#world.nowMs()) / 1_000) + this.#memberErrorSeconds;
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

  /** A number for a write. Resolves nothing: `replicate` does. */
  write(): number {
    this.#times.push(this.tick());
    return ++this.#committed;
  }

  /** A cluster time of its own, as each write has one, and each document that asks for it. */
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

  /** Resolves once the primary knows that a majority has it. Rejects where an election comes first. */
  onceMajority(at: number): Promise<void> {
    if (at <= this.#readable) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ at, resolve, reject });
    });
  }

  /**
   * Another member takes over, with its own clock. It has all that a majority had, and maybe more; of what a majority has, it
   * may learn late.
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
      this.#readable = Math.min(this.#readable, this.#points.findLast(({ sinceMs }) => sinceMs <= knownAtMs)?.at ?? 0);
      this.#world.met['lagging reads']++;
    }
    // Its first write: once a majority has that, it knows that a majority has all before.
    const first = this.write();
    if (lagMs === 0) this.#replicated(first);
    else this.replicate(first).catch(() => {});
    return kept;
  }

  #replicated(at: number): void {
    if (at <= this.#readable) return;
    this.#readable = at;
    this.#majority = Math.max(this.#majority, at);
    this.#points.push({ sinceMs: this.#world.nowMs(), at });
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = waiting.filter((one) => one.at > at);
    for (const one of waiting) if (one.at <= at) one.resolve();
  }
}
