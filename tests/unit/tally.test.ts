import { createRegistry, Tally } from '@flashclaim/service';
import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';

test('a tally is written as the client library writes a histogram of the same observations', async () => {
  const [name, help, bounds] = ['waited_seconds', 'How long.', [0.1, 1, 5]];
  const [registry, other] = [new Registry(), new Registry()];
  const tally = new Tally({ name, help, bounds, registry });
  const histogram = new Histogram({ name, help, buckets: bounds, registers: [other] });
  for (const value of [0, 0.05, 0.1, 0.11, 1, 4, 5, 5.5, 1_000]) {
    tally.observe(value);
    histogram.observe(value);
  }
  expect(await registry.metrics()).toBe(await other.metrics());
});

test('nothing has the name of another', () => {
  const options = { name: 'twice', help: 'Once.', bounds: [1], registry: createRegistry() };
  new Tally(options);
  expect(() => new Tally(options)).toThrow('already been registered');
});
