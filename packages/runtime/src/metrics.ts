import { collectDefaultMetrics, Registry } from 'prom-client';

/** How long a metrics text is answered again, so that frequent requests cost nothing. */
const METRICS_KEPT_MS = 1_000;

/** Upper bounds for what may take a moment or minutes, in seconds. */
export const SECONDS_BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];

/** Upper bounds for the number of claims that share something. */
export const CLAIMS_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];

/** The metrics of a process: ours, and what the client library knows of every Node process. */
export const createRegistry = (): Registry => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
};

/** Milliseconds as Prometheus wants them. Clocks of two machines may differ: less than nothing is nothing. */
export const toSeconds = (milliseconds: number): number => Math.max(0, milliseconds) / 1_000;

/**
 * Writes the metrics as text, at most once in a moment: however many ask, collecting costs no more.
 * Resolves to the text.
 */
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
