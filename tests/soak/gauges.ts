import { setTimeout as sleep } from 'node:timers/promises';
import { JOBS_FAILED_KEPT_MAX, LANES_MAX } from '@flashclaim/core';
import { lanePrefix } from '@flashclaim/lanes';
import { scrape } from '../support/scrape.ts';
import { collectGarbage } from './collect-garbage.ts';
import { LANES } from './faults.ts';
import type { Stack } from './stack.ts';

/** A value that must stay bounded (I10), and how much noise is allowed. */
export interface Gauge {
  name: string;
  /** How it is printed: bytes as MB. */
  unit: 'MB' | '';
  /** How much the last quarter may be above the second: a share of it, plus an amount. */
  allowance?: { share: number; more: number };
  /** An absolute limit, if there is one. */
  max?: number;
}

const MB = 1_024 * 1_024;

/** Measured after a garbage collection. */
const HEAP = { unit: 'MB', allowance: { share: 0.2, more: 8 * MB } } as const;
/** For leaks outside of the heap. The allowance is large because V8 returns free memory late. */
const RSS = { unit: 'MB', allowance: { share: 0.5, more: 64 * MB } } as const;
/** Connection pools grow and shrink. */
const HANDLES = { unit: '', allowance: { share: 0.1, more: 5 } } as const;

/** Keys of a lane besides its jobs: lists, settings and events. */
const KEYS_OF_LANE = 20;

export const GAUGES: readonly Gauge[] = [
  ...(['API', 'worker'] as const).flatMap((who): Gauge[] => [
    { name: `${who} 1: RSS`, ...RSS },
    { name: `${who} 1: heap`, ...HEAP },
    { name: `${who} 1: file descriptors`, ...HANDLES },
    { name: `${who} 1: active resources`, ...HANDLES },
  ]),
  { name: 'Redis: memory', unit: 'MB', allowance: { share: 0.5, more: 32 * MB } },
  { name: 'Redis: clients', ...HANDLES },
  {
    name: 'Redis: keys of lanes',
    unit: '',
    max: Math.max(...LANES) * (JOBS_FAILED_KEPT_MAX + KEYS_OF_LANE),
  },
  { name: 'Redis: unknown keys', unit: '', max: 0 },
  { name: 'the soak itself: RSS', ...RSS },
  { name: 'MongoDB: connections', unit: '', allowance: { share: 0.2, more: 25 } },
];

/** One measurement, by the names of the gauges. */
export type Sample = ReadonlyMap<string, number>;

/** The smallest of several readings counts, because connections come and go. Metrics are updated once a second. */
const READINGS = 3;
const READ_EVERY_MS = 1_100;

/** Measures all gauges. Call it when there are no claims. */
export const takeSample = async (stack: Stack): Promise<Sample> => {
  const smallest = new Map<string, number>();
  for (let reading = 0; reading < READINGS; reading++) {
    await sleep(READ_EVERY_MS);
    await collectGarbage(stack.appsLog);
    const figures = [...(await ofProcesses(stack)), ...(await ofRedis(stack)), ...(await ofMongo(stack))];
    figures.push(['the soak itself: RSS', process.memoryUsage.rss()]);
    for (const [name, value] of figures)
      smallest.set(name, Math.min(value, smallest.get(name) ?? Number.POSITIVE_INFINITY));
  }
  return smallest;
};

const ofProcesses = async ({ apis, workers }: Stack): Promise<[string, number][]> => {
  const survivors = [...apis, ...workers].filter(({ survivor }) => survivor);
  const all = await Promise.all(
    survivors.map(async ({ name, metricsUrl }): Promise<[string, number][]> => {
      const metrics = await scrape(metricsUrl);
      return [
        [`${name}: RSS`, metrics.sum('process_resident_memory_bytes')],
        [`${name}: heap`, metrics.sum('nodejs_heap_size_used_bytes')],
        [`${name}: file descriptors`, metrics.sum('process_open_fds')],
        [`${name}: active resources`, metrics.sum('nodejs_active_resources_total')],
      ];
    }),
  );
  return all.flat();
};

const ofRedis = async ({ stores: { redis } }: Stack): Promise<[string, number][]> => {
  const info = await redis.info();
  const figureOf = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  const keys = await redis.keys('*');
  const prefixes = Array.from({ length: LANES_MAX }, (_, lane) => lanePrefix(lane));
  const ofLanes = keys.filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));
  return [
    ['Redis: memory', figureOf('used_memory')],
    ['Redis: clients', figureOf('connected_clients')],
    ['Redis: keys of lanes', ofLanes.length],
    // The apps write one key to check that Redis accepts writes.
    ['Redis: unknown keys', keys.length - ofLanes.length - Number(keys.includes('flashclaim:write-check'))],
  ];
};

const ofMongo = async ({ stores: { mongo } }: Stack): Promise<[string, number][]> => {
  const { connections } = await mongo.client.db('admin').command({ serverStatus: 1 });
  return [['MongoDB: connections', connections.current]];
};
