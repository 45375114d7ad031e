import { percentile } from '@flashclaim/load';
import { bar, clearProgress, count, formatNumber, showProgress } from '@flashclaim/terminal';
import type { ClaimResult, ReadResult } from '../call-results.ts';

const DRAW_EVERY_MS = 200;
/** Without a terminal. */
const PRINT_EVERY_MS = 1_000;

/** Shows a running sale: one line that changes on a terminal, else a line each second. */
export class LiveProgress {
  readonly #stock: number;
  readonly #total: () => number;
  readonly #outcomes = new Map<string, number>();
  readonly #winners = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  readonly #everyMs = process.stdout.isTTY ? DRAW_EVERY_MS : PRINT_EVERY_MS;
  #done = 0;
  /** Since the last line. */
  #recent: number[] = [];

  constructor(stock: number, total: () => number) {
    this.#stock = stock;
    this.#total = total;
    this.#timer = setInterval(() => this.#show(), this.#everyMs);
  }

  add(result: ClaimResult | ReadResult): void {
    this.#done++;
    this.#recent.push(result.answeredAt - result.due);
    if (result.kind === 'read') return;
    if (result.outcome === 'claimed') this.#winners.add(result.user);
    this.#outcomes.set(result.outcome, (this.#outcomes.get(result.outcome) ?? 0) + 1);
  }

  end(): void {
    clearInterval(this.#timer);
    clearProgress();
  }

  #show(): void {
    const total = this.#total();
    const outcomes = [...this.#outcomes].map(([outcome, times]) => `${outcome} ${count(times)}`).join(' ');
    const line = [
      `${count(this.#done)} of ${count(total)}`,
      `${count(Math.max(0, this.#stock - this.#winners.size))} left`,
      `${count(Math.round((this.#recent.length * 1_000) / this.#everyMs))}/s`,
      `p50 ${formatNumber(percentile(this.#recent, 50))} p99 ${formatNumber(percentile(this.#recent, 99))} ms`,
      outcomes,
    ].join(' · ');
    this.#recent = [];
    if (process.stdout.isTTY) showProgress(`${bar(this.#done, total)} ${line}`);
    else console.log(line);
  }
}
