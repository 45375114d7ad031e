import { percentile } from './percentile.ts';

/** What a load was answered. Times are in ms. */
export interface CountedResult {
  seconds: number;
  /** Answers of any status. */
  requests: number;
  /** Answers of status 400 and above. */
  refused: number;
  socketErrors: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  maxMs: number;
  /** The number of answers with each status. */
  statuses: Record<string, number>;
  /** The times of the answers with 200. */
  granted: { p50Ms: number; p95Ms: number; p99Ms: number };
}

const timesOf = (latencies: readonly number[]) => ({
  p50Ms: percentile(latencies, 50),
  p95Ms: percentile(latencies, 95),
  p99Ms: percentile(latencies, 99),
});

/** Counts single answers. */
export class AnswerCounter {
  readonly #latencies: number[] = [];
  readonly #granted: number[] = [];
  readonly #statuses: Record<string, number> = {};
  readonly #since = performance.now();
  #socketErrors = 0;

  /** Counts one request when it is answered or fails. `start` is the time when it was due. */
  async count(answer: Promise<number>, start: number): Promise<void> {
    try {
      const status = await answer;
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
      const latency = performance.now() - start;
      this.#latencies.push(latency);
      if (status === 200) this.#granted.push(latency);
    } catch {
      this.#socketErrors += 1;
    }
  }

  result(): CountedResult {
    const refused = Object.entries(this.#statuses).filter(([status]) => Number(status) >= 400);
    return {
      seconds: (performance.now() - this.#since) / 1000,
      requests: this.#latencies.length,
      refused: refused.reduce((sum, [, count]) => sum + count, 0),
      socketErrors: this.#socketErrors,
      ...timesOf(this.#latencies),
      granted: timesOf(this.#granted),
      maxMs: percentile(this.#latencies, 100),
      statuses: this.#statuses,
    };
  }
}
