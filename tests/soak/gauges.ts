import { setTimeout as sleep } from 'node:timers/promises';
import { JOBS_FAILED_KEPT_MAX, LANES_MAX } from '@flashclaim/core';
import { lanePrefix } from '@flashclaim/lanes';
import { scrape } from '../support/scrape.ts';
import { collectGarbage } from './collect-garbage.ts';
import { LANES } from './faults.ts';
import type { Stack } from './stack.ts';

/** What must stay bounded (I10), and how it is told from noise. */
export interface Gauge {
  name: string;
  /** How it is written: bytes as MB. */
  unit: 'MB' | '';
  /** By so much the last quarter may be above the second: this share of it, and this in its own unit. */
  allowance?: { share: number; more: number };
  /** What it may never exceed, where that is known. */
  max?: number;
}

const MB = 1_024 * 1_024;

/** Measured when all garbage has just been collected: what is left is kept. */
const HEAP = { unit: 'MB', allowance: { share: 0.2, more: 8 * MB } } as const;
/** V8 gives back late what it collected, the later the busier the machine: this is for what leaks outside its heap. */
const RSS = { unit: 'MB', allowance: { share: 0.5, more: 64 * MB } } as const;
/** Pools of connections breathe. */
const HANDLES = { unit: '', allowance: { share: 0.1, more: 5 } } as const;

/** Beside jobs a lane has its lists, its settings and its events. */
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
  { name: 'Redis: keys of nobody', unit: '', max: 0 },
  { name: 'the soak itself: RSS', ...RSS },
  { name: 'MongoDB: connections', unit: '', allowance: { share: 0.2, more: 25 } },
];

/** One look at everything, by the names of the gauges. */
export type Sample = ReadonlyMap<string, number>;

/** Connections come and go: of so many looks, a second apart, the smallest counts. Metrics are written once a second. */
const LOOKS = 3;
const LOOK_EVERY_MS = 1_100;

/** At a quiet moment, when nobody claims. */
export const takeSample = async (stack: Stack): Promise<Sample> => {
  const smallest = new Map<string, number>();
  for (let look = 0; look < LOOKS; look++) {
    await sleep(LOOK_EVERY_MS);
    await collectGarbage(stack.appsLog);
    const figures = [...(await ofProcesses(stack)), ...(await ofRedis(stack)), ...(await ofMongo(stack))];
    figures.push(['the soak itself: RSS', process.memoryUsage.rss()]);
    for (const [name, value] of figures)
      smallest.set(name, Math.min(value, smallest.get(name) ?? Number.POSITIVE_INFINITY));
  }
  return smallest;
};

const ofProcesses = async ({ apis, workers }: Stack): Promise<[string, number][]> => {
  const elders = [...apis, ...workers].filter(({ elder }) => elder);
  const all = await Promise.all(
    elders.map(async ({ name, metricsUrl }): Promise<[string, number][]> => {
      const told = await scrape(metricsUrl);
      return [
        [`${name}: RSS`, told.sum('process_resident_memory_bytes')],
        [`${name}: heap`, told.sum('nodejs_heap_size_used_bytes')],
        [`${name}: file descriptors`, told.sum('process_open_fds')],
        [`${name}: active resources`, told.sum('nodejs_active_resources_total')],
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
    // One key is what the apps write to see whether Redis takes writes.
    ['Redis: keys of nobody', keys.length - ofLanes.length - Number(keys.includes('flashclaim:write-check'))],
  ];
};

const ofMongo = async ({ stores: { mongo } }: Stack): Promise<[string, number][]> => {
  const { connections } = await mongo.client.db('admin').command({ serverStatus: 1 });
  return [['MongoDB: connections', connections.current]];
};
