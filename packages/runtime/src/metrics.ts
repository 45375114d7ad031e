import { collectDefaultMetrics, Registry } from 'prom-client';

/** How long a metrics text is reused, so that frequent requests cost nothing. */
const METRICS_KEPT_MS = 1_000;

/** Upper bounds of histograms of durations, in seconds. */
export const SECONDS_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Upper bounds of histograms of numbers of claims. */
export const CLAIMS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

/** Creates a registry, with the client library's default metrics of a Node process. */
export const createRegistry = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
};

/** Converts milliseconds to seconds. A negative difference, between the clocks of two machines, counts as 0. */
export const toSeconds = (milliseconds: number): number => Math.max(0, milliseconds) / 1_000;

/** Creates a function that resolves to the metrics as text. It collects them at most once in `METRICS_KEPT_MS`. */
export const createMetricsText = (registry: Registry): (() => Promise<string>) => {
  let text: Promise<string> | undefined;
  let writtenAt = 0;
  return () => {
    if (!text || performance.now() - writtenAt > METRICS_KEPT_MS) {
      writtenAt = performance.now();
      text = registry.metrics();
    }
    return text;
  };
};

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;
