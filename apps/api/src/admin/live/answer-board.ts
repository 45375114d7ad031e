import { type AnswerCode, channels } from '../../claims/channels.ts';
import type { WaitingClaim } from '../../claims/waiting-claim.ts';
import { problemsAnswered } from '../../http/problem.ts';
import { AnswerTimes } from './answer-times.ts';
import { type Answers, type Second, TOLD, type ToldKind } from './live-state.ts';

/** Seconds of outcomes and answer times that a live page gets when it opens. */
const LIVE_HISTORY_SECONDS = 180;

/** Answer times are told of so many seconds: of one alone they would jump about. */
const TIMES_SECONDS = 5;

const KINDS: Partial<Record<AnswerCode, ToldKind>> = {
  claimed: 'claimed',
  replayed: 'claimed',
  already_claimed: 'already_claimed',
  out_of_stock: 'out_of_stock',
};

/** Who is answered one of these has no claim here, or one that nothing became of. */
const turnedAway = (): number =>
  problemsAnswered.overloaded + problemsAnswered.rate_limited + problemsAnswered.unavailable;

const none = (): Record<ToldKind, number> => ({ claimed: 0, already_claimed: 0, out_of_stock: 0, others: 0 });

/** What this process tells callers, second by second. It listens only between `open` and `close`. */
export class AnswerBoard {
  /** When it was opened: by the wall clock, and by the monotonic one. */
  #since = 0;
  #openedAt = 0;
  #second = 0;
  #counts = none();
  #total = none();
  #times = new AnswerTimes();
  #lastTimes: AnswerTimes[] = [];
  #turnedAway = 0;
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
    this.#turnedAway = turnedAway();
    this.#overloaded = problemsAnswered.overloaded;
    channels.reply.subscribe(this.#note);
  }

  close(): void {
    channels.reply.unsubscribe(this.#note);
  }

  /** The time in ms since the epoch, as the page shows it. The wall clock may step; this goes on evenly. */
  get now(): number {
    return this.#since + Math.floor(performance.now() - this.#openedAt);
  }

  /** Brings the seconds up to now. */
  look(now: number): void {
    this.#rollTo(Math.floor(now / 1_000));
    const away = turnedAway();
    this.#counts.others += away - this.#turnedAway;
    this.#turnedAway = away;
    if (problemsAnswered.overloaded > this.#overloaded) this.#overloadedAt = now;
    this.#overloaded = problemsAnswered.overloaded;
  }

  /** When somebody was last told `overloaded`. */
  get overloadedAt(): number {
    return this.#overloadedAt;
  }

  answers(waiting: number): Answers {
    const times = new AnswerTimes();
    for (const earlier of this.#lastTimes) times.addAll(earlier);
    times.addAll(this.#times);
    const total = { ...this.#total };
    for (const kind of TOLD) total[kind] += this.#counts[kind];
    return { since: this.#since, total, waiting, p50Ms: times.quantile(0.5), p99Ms: times.quantile(0.99) };
  }

  readonly #note = ({ claim, answer }: { claim: WaitingClaim; answer: AnswerCode }): void => {
    const { now } = this;
    if (now >= (this.#second + 1) * 1_000) this.#rollTo(Math.floor(now / 1_000));
    // Those are counted among all that were turned away.
    if (answer !== 'unavailable' && answer !== 'unknown') this.#counts[KINDS[answer] ?? 'others']++;
    this.#times.add(performance.now() - claim.since);
  };

  /** Ends the second that was, and those in which nothing happened. */
  #rollTo(second: number): void {
    // After a long sleep of the machine, what is older than the page shows is not made up.
    this.#second = Math.max(this.#second, Math.min(second, second - LIVE_HISTORY_SECONDS));
    while (this.#second < second) {
      const { claimed, already_claimed, out_of_stock, others } = this.#counts;
      const times = [this.#times.quantile(0.5) ?? null, this.#times.quantile(0.99) ?? null] as const;
      this.seconds.push([this.#second, claimed, already_claimed, out_of_stock, others, ...times]);
      for (const kind of TOLD) this.#total[kind] += this.#counts[kind];
      this.#lastTimes = [...this.#lastTimes, this.#times].slice(-TIMES_SECONDS);
      this.#counts = none();
      this.#times = new AnswerTimes();
      this.#second++;
    }
    this.seconds = this.seconds.slice(-LIVE_HISTORY_SECONDS);
  }
}
