import { type AnswerCode, channels, type RejectionCode } from '../../claims/channels.ts';
import type { WaitingClaim } from '../../claims/waiting-claim.ts';
import { AnswerTimes } from './answer-times.ts';
import { ANSWER_KINDS, type AnswerKind, type Answers, type Second } from './live-state.ts';

/** Seconds of outcomes and answer times that a live page gets when it opens. */
const LIVE_HISTORY_SECONDS = 180;

/** The page shows the answer times of this many seconds: of one second alone they would jump. */
const TIMES_SECONDS = 5;

const KINDS: Partial<Record<AnswerCode, AnswerKind>> = {
  claimed: 'claimed',
  replayed: 'claimed',
  already_claimed: 'already_claimed',
  out_of_stock: 'out_of_stock',
  sale_not_open: 'sale_not_open',
  claim_released: 'claim_released',
};

/** The share of rejected claims is that of this many seconds. */
const REJECTIONS_SECONDS = 10;

/** Where the counts of a second begin and end. */
const COUNTS = [1, 1 + ANSWER_KINDS.length] as const;
const REJECTED = ANSWER_KINDS.indexOf('rejected');

const none = (): Record<AnswerKind, number> => ({
  claimed: 0,
  already_claimed: 0,
  out_of_stock: 0,
  sale_not_open: 0,
  claim_released: 0,
  others: 0,
  rejected: 0,
});

/** The answers of this process, second by second. It subscribes to them only between `open` and `close`. */
export class AnswerHistory {
  /** When it was opened, in ms by the wall clock, and by the monotonic clock. */
  #since = 0;
  #openedAt = 0;
  #second = 0;
  #counts = none();
  #total = none();
  #times = new AnswerTimes();
  #lastTimes: AnswerTimes[] = [];
  /** Whole seconds, oldest first. */
  seconds: Second[] = [];

  open(): void {
    // biome-ignore lint/plugin/wall-clock: a stamp: what the page shows has the time of the first page.
    this.#since = Date.now();
    this.#openedAt = performance.now();
    this.#second = Math.floor(this.#since / 1_000);
    this.#counts = none();
    this.#total = none();
    this.#times = new AnswerTimes();
    this.#lastTimes = [];
    this.seconds = [];
    channels.reply.subscribe(this.#countAnswer);
    channels.reject.subscribe(this.#countRejection);
  }

  close(): void {
    channels.reply.unsubscribe(this.#countAnswer);
    channels.reject.unsubscribe(this.#countRejection);
  }

  /** The time in ms since the epoch, as the page shows it. Unlike the wall clock, it never steps. */
  get now(): number {
    return this.#since + Math.floor(performance.now() - this.#openedAt);
  }

  /** Ends the seconds before now. */
  update(now: number): void {
    if (now >= (this.#second + 1) * 1_000) this.#rollTo(Math.floor(now / 1_000));
  }

  /** The share of claims that were rejected in the last `REJECTIONS_SECONDS`; 0 without claims. */
  get rejectedShare(): number {
    let { rejected } = this.#counts;
    let all = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    for (const second of this.seconds.slice(1 - REJECTIONS_SECONDS)) {
      const counts = second.slice(...COUNTS) as number[];
      rejected += counts[REJECTED] as number;
      all += counts.reduce((sum, count) => sum + count, 0);
    }
    return all === 0 ? 0 : rejected / all;
  }

  answers(waiting: number): Answers {
    const times = new AnswerTimes();
    for (const earlier of this.#lastTimes) times.addAll(earlier);
    times.addAll(this.#times);
    const total = { ...this.#total };
    for (const kind of ANSWER_KINDS) total[kind] += this.#counts[kind];
    return { since: this.#since, total, waiting, p50Ms: times.quantile(0.5), p99Ms: times.quantile(0.99) };
  }

  readonly #countAnswer = ({ claim, answer }: { claim: WaitingClaim; answer: AnswerCode }): void => {
    this.update(this.now);
    this.#counts[KINDS[answer] ?? 'others']++;
    this.#times.add(performance.now() - claim.since);
  };

  /** Callers are not at fault for a store that is down, nor are there too many: that is not shown as a rejection. */
  readonly #countRejection = (code: RejectionCode): void => {
    this.update(this.now);
    this.#counts[code === 'unavailable' ? 'others' : 'rejected']++;
  };

  /** Ends the current second, and the seconds without answers after it. */
  #rollTo(second: number): void {
    // After a long sleep of the machine, skips the seconds that the page would not show.
    this.#second = Math.max(this.#second, Math.min(second, second - LIVE_HISTORY_SECONDS));
    while (this.#second < second) {
      const counts = ANSWER_KINDS.map((kind) => this.#counts[kind]);
      const times = [this.#times.quantile(0.5) ?? null, this.#times.quantile(0.99) ?? null];
      this.seconds.push([this.#second, ...counts, ...times] as Second);
      for (const kind of ANSWER_KINDS) this.#total[kind] += this.#counts[kind];
      this.#lastTimes = [...this.#lastTimes, this.#times].slice(-TIMES_SECONDS);
      this.#counts = none();
      this.#times = new AnswerTimes();
      this.#second++;
    }
    this.seconds = this.seconds.slice(-LIVE_HISTORY_SECONDS);
  }
}
