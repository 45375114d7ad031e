import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type AnswerCode, channels, type RejectionCode } from '../../claims/channels.ts';
import type { WaitingClaim } from '../../claims/waiting-claim.ts';
import { ANSWER_KINDS, type AnswerKind, type Answers, type CouponAnswers, type Step } from './live-state.ts';

/** A sale may last a few seconds, of which a chart must show more than as many bars. */
export const STEP_MS = 250;

/** Steps of outcomes and answer times that a live page gets when it opens: three minutes. */
const STEPS_KEPT = 180_000 / STEP_MS;

/** The page shows the answer times of the last five seconds: of one step alone they would jump. */
const TIMES_STEPS = 5_000 / STEP_MS;

const KINDS: Partial<Record<AnswerCode, AnswerKind>> = {
  claimed: 'claimed',
  replayed: 'claimed',
  already_claimed: 'already_claimed',
  out_of_stock: 'out_of_stock',
  sale_not_open: 'sale_not_open',
  claim_released: 'claim_released',
};

/** The answers that refuse a claim of a coupon. */
const REFUSALS: ReadonlySet<AnswerKind> = new Set(['already_claimed', 'out_of_stock', 'sale_not_open']);

/** The share of rejected claims is that of the last ten seconds. */
const REJECTIONS_STEPS = 10_000 / STEP_MS;

/** Coupons whose answers are counted one by one. More than the page shows, because it shows a new coupon a moment later. */
const COUPONS_COUNTED_MAX = 48;

/** Longer answer times count as this long. */
const ANSWER_MAX_MS = 600_000;

/** Where the counts of a step begin and end. */
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

/** The answers about one coupon. */
interface CountedAnswers {
  refused: number;
  lastAt: number;
  times: RecordableHistogram;
  /** Whether there were any since the last `keep`. */
  isRecent: boolean;
}

const newTimes = (): RecordableHistogram => createHistogram({ lowest: 1, highest: ANSWER_MAX_MS, figures: 2 });

/** The time in ms within which this share of the callers was answered; undefined without answers. */
const quantile = (times: RecordableHistogram, percent: number): number | undefined =>
  times.count === 0 ? undefined : times.percentile(percent);

/** The answers of this process, step by step. It subscribes to them only between `open` and `close`. */
export class AnswerHistory {
  /** When it was opened, in ms by the wall clock, and by the monotonic clock. */
  #since = 0;
  #openedAt = 0;
  /** When the current step began, in steps since the epoch. */
  #step = 0;
  #counts = none();
  #total = none();
  #times = newTimes();
  #lastTimes: RecordableHistogram[] = [];
  readonly #coupons = new Map<string, CountedAnswers>();
  /** Whole steps, oldest first. */
  steps: Step[] = [];

  open(): void {
    // biome-ignore lint/plugin/wall-clock: a stamp: what the page shows has the time of the first page.
    this.#since = Date.now();
    this.#openedAt = performance.now();
    this.#step = Math.floor(this.#since / STEP_MS);
    this.#counts = none();
    this.#total = none();
    this.#times = newTimes();
    this.#lastTimes = [];
    this.#coupons.clear();
    this.steps = [];
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

  /** Ends the steps before now. */
  update(now: number): void {
    if (now >= (this.#step + 1) * STEP_MS) this.#rollTo(Math.floor(now / STEP_MS));
  }

  /** The step that is not over, with the answers so far. */
  get runningStep(): Step {
    const counts = ANSWER_KINDS.map((kind) => this.#counts[kind]);
    const times = [quantile(this.#times, 50) ?? null, quantile(this.#times, 99) ?? null];
    return [this.#step * STEP_MS, ...counts, ...times] as Step;
  }

  /** The share of claims that were rejected in the last `REJECTIONS_STEPS`; 0 without claims. */
  get rejectedShare(): number {
    let { rejected } = this.#counts;
    let all = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    for (const step of this.steps.slice(1 - REJECTIONS_STEPS)) {
      const counts = step.slice(...COUNTS) as number[];
      rejected += counts[REJECTED] as number;
      all += counts.reduce((sum, count) => sum + count, 0);
    }
    return all === 0 ? 0 : rejected / all;
  }

  answers(waiting: number): Answers {
    const times = newTimes();
    for (const recent of [...this.#lastTimes, this.#times]) times.add(recent);
    const total = { ...this.#total };
    for (const kind of ANSWER_KINDS) total[kind] += this.#counts[kind];
    return { since: this.#since, total, waiting, p50Ms: quantile(times, 50), p99Ms: quantile(times, 99) };
  }

  /** What callers were answered about a coupon. */
  answersOf(couponName: string): CouponAnswers | undefined {
    const found = this.#coupons.get(couponName);
    return found && { refused: found.refused, lastAt: found.lastAt, p99Ms: found.times.percentile(99) };
  }

  /** Forgets the coupons that are neither among these nor were answered since the last call. */
  keep(couponNames: ReadonlySet<string>): void {
    for (const [name, coupon] of this.#coupons) {
      if (!coupon.isRecent && !couponNames.has(name)) this.#coupons.delete(name);
      coupon.isRecent = false;
    }
  }

  readonly #countAnswer = ({ claim, answer }: { claim: WaitingClaim; answer: AnswerCode }): void => {
    this.update(this.now);
    const kind = KINDS[answer] ?? 'others';
    this.#counts[kind]++;
    const ms = Math.min(ANSWER_MAX_MS, Math.max(1, Math.round(performance.now() - claim.since)));
    this.#times.record(ms);
    // Other answers are not about a coupon that exists, or not about its stock.
    if (kind === 'claimed' || REFUSALS.has(kind)) this.#countForCoupon(claim.couponName, kind, ms);
  };

  #countForCoupon(name: string, kind: AnswerKind, ms: number): void {
    let coupon = this.#coupons.get(name);
    if (!coupon) {
      if (this.#coupons.size >= COUPONS_COUNTED_MAX) return;
      coupon = { refused: 0, lastAt: 0, times: newTimes(), isRecent: true };
      this.#coupons.set(name, coupon);
    }
    coupon.isRecent = true;
    coupon.lastAt = this.now;
    coupon.times.record(ms);
    if (kind !== 'claimed') coupon.refused++;
  }

  /** Callers are not at fault for a store that is down, nor are there too many: that is not shown as a rejection. */
  readonly #countRejection = (code: RejectionCode): void => {
    this.update(this.now);
    this.#counts[code === 'unavailable' ? 'others' : 'rejected']++;
  };

  /** Ends the current step, and the steps without answers after it. */
  #rollTo(step: number): void {
    // After a long sleep of the machine, skips the steps that the page would not show.
    this.#step = Math.max(this.#step, Math.min(step, step - STEPS_KEPT));
    while (this.#step < step) {
      this.steps.push(this.runningStep);
      for (const kind of ANSWER_KINDS) this.#total[kind] += this.#counts[kind];
      this.#lastTimes = [...this.#lastTimes, this.#times].slice(-TIMES_STEPS);
      this.#counts = none();
      this.#times = newTimes();
      this.#step++;
    }
    this.steps = this.steps.slice(-STEPS_KEPT);
  }
}
