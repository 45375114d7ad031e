import { percentile } from '../measure/stats.ts';
import type { LoadResult } from './load-client.ts';

/** What our own clients report: unlike wrk they count every status. */
export interface OwnResult extends LoadResult {
  statuses: Record<string, number>;
}

/** Counts answers one by one. */
export class Counting {
  readonly #latencies: number[] = [];
  readonly #statuses: Record<string, number> = {};
  readonly #since = performance.now();
  #socketErrors = 0;

  /** Counts one request when it is answered, or fails. `start`: when it should have been sent. */
  async count(answer: Promise<number>, start: number): Promise<void> {
    try {
      const status = await answer;
      this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
      this.#latencies.push(performance.now() - start);
    } catch {
      this.#socketErrors += 1;
    }
  }

  result(): OwnResult {
    const refused = Object.entries(this.#statuses).filter(([status]) => Number(status) >= 400);
    return {
      seconds: (performance.now() - this.#since) / 1000,
      requests: this.#latencies.length,
      refused: refused.reduce((sum, [, count]) => sum + count, 0),
      socketErrors: this.#socketErrors,
      p50Ms: percentile(this.#latencies, 50),
      p95Ms: percentile(this.#latencies, 95),
      p99Ms: percentile(this.#latencies, 99),
      maxMs: percentile(this.#latencies, 100),
      statuses: this.#statuses,
    };
  }
}
