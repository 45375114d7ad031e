import { observeLanes } from '@flashclaim/lanes';
import { createMetricsText, createRegistry } from '@flashclaim/runtime';
import fp from 'fastify-plugin';
import { logClaims } from '../observe/claim-log.ts';
import { observeClaims } from '../observe/claim-metrics.ts';
import { observeProblems } from '../observe/problem-metrics.ts';
import { observeStores } from '../observe/store-metrics.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Resolves to the metrics of this process, in Prometheus' text format. */
    metricsText: () => Promise<string>;
  }
}

/** Measures this process, and logs a line for each job at `debug`. */
export const metrics = fp(
  async (app) => {
    const registry = createRegistry();
    observeClaims(registry);
    logClaims(app.log);
    observeProblems(registry);
    observeStores(registry, app.stores);
    observeLanes(registry, app.redis);
    app.decorate('metricsText', createMetricsText(registry));
  },
  { name: 'metrics', dependencies: ['redis', 'stores', 'lanes'] },
);
