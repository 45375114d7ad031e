import type { Metric, Registry } from 'prom-client';

export interface FastHistogramOptions {
  name: string;
  help: string;
  /** Upper bounds, in ascending order. */
  bounds: readonly number[];
  registry: Registry;
}

/**
 * A histogram for the path of claims. The histogram of the client library allocates objects and strings for each observation,
 * which took 3 % of an API's time during a sale. This one only counts. The library writes it like its own.
 */
export class FastHistogram {
  readonly name: string;
  readonly #help: string;
  readonly #bounds: readonly number[];
  /** Observations by bucket. The last bucket is beyond all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor({ name, help, bounds, registry }: FastHistogramOptions) {
    this.name = name;
    this.#help = help;
    this.#bounds = bounds;
    this.#counts = Array(bounds.length + 1).fill(0);
    // A registry uses only the name of a metric and its `get`.
    registry.registerMetric(this as unknown as Metric);
  }

  observe(value: number): void {
    const bounds = this.#bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket++;
    (this.#counts[bucket] as number)++;
    this.#sum += value;
  }

  async get() {
    const { name } = this;
    let count = 0;
    const buckets = this.#counts.map((inBucket, index) => {
      count += inBucket;
      return { metricName: `${name}_bucket`, labels: { le: this.#bounds[index] ?? '+Inf' }, value: count };
    });
    const values = [
      ...buckets,
      { metricName: `${name}_sum`, labels: {}, value: this.#sum },
      { metricName: `${name}_count`, labels: {}, value: count },
    ];
    return { name, help: this.#help, type: 'histogram', aggregator: 'sum', values };
  }
}
