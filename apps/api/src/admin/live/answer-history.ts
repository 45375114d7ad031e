import { type AnswerCode, channels } from '../../claims/channels.ts';
import type { WaitingClaim } from '../../claims/waiting-claim.ts';
import { problemsAnswered } from '../../http/problem.ts';
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
};

/** Rejections: this process has no claim of the caller, or nothing was done with it. */
const countRejected = (): number =>
  problemsAnswered.overloaded + problemsAnswered.rate_limited + problemsAnswered.unavailable;

const none = (): Record<AnswerKind, number> => ({ claimed: 0, already_claimed: 0, out_of_stock: 0, others: 0 });

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
  #rejected = 0;
  #overloadedAt = Number.NEGATIVE_INFINITY;
  #overloaded = 0;
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
    this.#rejected = countRejected();
    this.#overloaded = problemsAnswered.overloaded;
    channels.reply.subscribe(this.#countAnswer);
  }

  close(): void {
    channels.reply.unsubscribe(this.#countAnswer);
  }

  /** The time in ms since the epoch, as the page shows it. Unlike the wall clock, it never steps. */
  get now(): number {
    return this.#since + Math.floor(performance.now() - this.#openedAt);
  }

  /** Ends the seconds before now, and counts rejected requests. */
  update(now: number): void {
    this.#rollTo(Math.floor(now / 1_000));
    const rejected = countRejected();
    this.#counts.others += rejected - this.#rejected;
    this.#rejected = rejected;
    if (problemsAnswered.overloaded > this.#overloaded) this.#overloadedAt = now;
    this.#overloaded = problemsAnswered.overloaded;
  }

  /** When a request was last answered `overloaded`. */
  get overloadedAt(): number {
    return this.#overloadedAt;
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
    const { now } = this;
    if (now >= (this.#second + 1) * 1_000) this.#rollTo(Math.floor(now / 1_000));
    // These are counted with the rejected requests.
    if (answer !== 'unavailable' && answer !== 'unknown') this.#counts[KINDS[answer] ?? 'others']++;
    this.#times.add(performance.now() - claim.since);
  };

  /** Ends the current second, and the seconds without answers after it. */
  #rollTo(second: number): void {
    // After a long sleep of the machine, skips the seconds that the page would not show.
    this.#second = Math.max(this.#second, Math.min(second, second - LIVE_HISTORY_SECONDS));
    while (this.#second < second) {
      const { claimed, already_claimed, out_of_stock, others } = this.#counts;
      const times = [this.#times.quantile(0.5) ?? null, this.#times.quantile(0.99) ?? null] as const;
      this.seconds.push([this.#second, claimed, already_claimed, out_of_stock, others, ...times]);
      for (const kind of ANSWER_KINDS) this.#total[kind] += this.#counts[kind];
      this.#lastTimes = [...this.#lastTimes, this.#times].slice(-TIMES_SECONDS);
      this.#counts = none();
      this.#times = new AnswerTimes();
      this.#second++;
    }
    this.seconds = this.seconds.slice(-LIVE_HISTORY_SECONDS);
  }
}
