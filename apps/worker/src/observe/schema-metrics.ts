import { Gauge, type Registry } from 'prom-client';
import type { SchemaWatch } from '../schema-watch.ts';

/** Counts the missing indexes and validators. */
export const observeSchema = (registry: Registry, schema: Pick<SchemaWatch, 'missing'>): void => {
  new Gauge({
    name: 'flashclaim_schema_faults',
    help: 'Missing indexes and validators in MongoDB. Nothing is granted while there is one.',
    registers: [registry],
    collect() {
      this.set(schema.missing);
    },
  });
};
