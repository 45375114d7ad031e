import { Gauge, type Registry } from 'prom-client';
import type { StoreWatch } from '../stores/store-watch.ts';

/** Shows whether this process reaches the stores. */
export const observeStores = (registry: Registry, stores: Record<string, StoreWatch>): void => {
  new Gauge({
    name: 'flashclaim_store_up',
    help: 'Whether this process reaches the store: 1 or 0.',
    labelNames: ['store'],
    registers: [registry],
    collect() {
      for (const [store, { isDown }] of Object.entries(stores)) this.set({ store }, isDown ? 0 : 1);
    },
  });
};
