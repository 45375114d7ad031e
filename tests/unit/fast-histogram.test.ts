import { createMetricsText, createRegistry, FastHistogram } from '@flashclaim/runtime';
import { Gauge, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { until } from '../support/until.ts';

test('a histogram is written as the client library writes a histogram of the same observations', async () => {
  const [name, help, bounds] = ['waited_seconds', 'How long.', [0.1, 1, 5]];
  const [registry, other] = [new Registry(), new Registry()];
  const fast = new FastHistogram({ name, help, bounds, registry });
  const histogram = new Histogram({ name, help, buckets: bounds, registers: [other] });
  for (const value of [0, 0.05, 0.1, 0.11, 1, 4, 5, 5.5, 1_000]) {
    fast.observe(value);
    histogram.observe(value);
  }
  expect(await registry.metrics()).toBe(await other.metrics());
});

test('however many ask for the figures at a time, they are collected once', async () => {
  const registry = new Registry();
  let collected = 0;
  new Gauge({
    name: 'times',
    help: 'How often it was asked.',
    registers: [registry],
    collect() {
      this.set(++collected);
    },
  });
  const text = createMetricsText(registry);
  const texts = await Promise.all(Array.from({ length: 100 }, () => text()));
  expect(new Set([...texts, await text()]).size).toBe(1);
  expect(collected).toBe(1);
  await until(async () => (await text()).includes('times 2'));
});

test('nothing has the name of another', () => {
  const options = { name: 'twice', help: 'Once.', bounds: [1], registry: createRegistry() };
  new FastHistogram(options);
  expect(() => new FastHistogram(options)).toThrow('already been registered');
});
