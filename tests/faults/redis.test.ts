import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultLoad } from '../support/fault-load.ts';
import { HistoryRecorder } from '../support/history.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** Shorter than an outage: callers ask again, and are told. */
const WAIT_MS = 2_000;

let stores: OwnStores;
let system: System;
beforeAll(async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, env: { CLAIM_WAIT_MS: `${WAIT_MS}`, LOG_LEVEL: 'silent' } });
});
afterAll(() => system?.close());

const redisCommand = async (...[command, ...args]: [string, ...(string | number)[]]) =>
  stores.redis.call(command, ...args);

const emptyDisk = async () => {
  for (const name of await readdir(stores.redisFolder))
    if (name.startsWith('append')) await rm(join(stores.redisFolder, name), { recursive: true });
};

const start = () => stores.servers.redis.start();
const again = async (times: number, strike: () => Promise<unknown>) => {
  for (let time = 0; time < times; time++) {
    await strike();
    await sleep(50);
  }
};
const nothing = async () => {};

interface Fault {
  strike: () => Promise<unknown>;
  mend: () => Promise<unknown>;
  awayMs?: number;
}

const AWAY_MS = 3_000;

const FAULTS: Record<string, Fault> = {
  'is restarted': { strike: () => stores.servers.redis.stop(), mend: start, awayMs: AWAY_MS },
  'is killed': { strike: () => stores.servers.redis.stop(0), mend: start, awayMs: AWAY_MS },
  'comes back empty': { strike: () => stores.servers.redis.stop(0).then(emptyDisk), mend: start, awayMs: AWAY_MS },
  'forgets everything during a sale, three times': {
    strike: () => again(3, () => redisCommand('FLUSHALL')),
    mend: nothing,
  },
  'loses the connections of jobs, twenty times': {
    strike: () => again(20, () => redisCommand('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    mend: nothing,
  },
  'loses the connections of answers, twenty times': {
    strike: () => again(20, () => redisCommand('CLIENT', 'KILL', 'TYPE', 'pubsub')),
    mend: nothing,
  },
  'answers nobody for a while': { strike: () => redisCommand('CLIENT', 'PAUSE', AWAY_MS), mend: nothing },
  'has no memory left': {
    strike: () => redisCommand('CONFIG', 'SET', 'maxmemory', 1),
    mend: () => redisCommand('CONFIG', 'SET', 'maxmemory', 0),
    awayMs: AWAY_MS,
  },
  'has its event streams cut to nothing, twenty times': {
    strike: () =>
      again(20, async () => {
        for (const key of await stores.redis.keys('*:events')) await stores.redis.xtrim(key, 'MAXLEN', 0);
      }),
    mend: nothing,
  },
};

describe.each(Object.entries(FAULTS))('Redis %s', (name, { strike, mend, awayMs }) => {
  test('and every answer is true', async ({ task }) => {
    const load = new FaultLoad({ system, coupon: name.replaceAll(/[ ,]+/g, '-'), test: task });
    await load.start();
    await load.decides(100);
    await load.through(`Redis ${name}`, strike, async () => {
      await sleep(awayMs ?? 0);
      await mend();
    });
    await load.expectConsistent();
  });
});

test('Redis forgets claims that wait: they are decided though nobody asks again', async () => {
  const [url, worker] = [system.urls[0] as string, system.workers[0]];
  const history = new HistoryRecorder();
  await history.create(url, 'forgotten', 100);
  worker?.kill('SIGSTOP');
  const keys = Array.from({ length: 50 }, (_, i) => `forgotten-${i}`);
  const waiting = keys.map((key) => history.claim(url, 'forgotten', key, { key }));
  await until(async () => (await stores.redis.keys('*:lane-*:wait')).length > 0);
  await redisCommand('FLUSHALL');
  worker?.kill('SIGCONT');
  for (const { status } of await Promise.all(waiting)) expect([200, 202]).toContain(status);
  await until(async () => (await history.read(url, 'forgotten')).claimed === keys.length);
  await history.expectConsistent(system);
});

test.for([20, 120])('Redis is down for %i seconds', { tags: ['slow'] }, async (seconds, { task }) => {
  const load = new FaultLoad({ system, coupon: `away-${seconds}`, test: task });
  await load.start();
  const strike = () => stores.servers.redis.stop(0);
  await load.through(`Redis down for ${seconds} s`, strike, () => sleep(seconds * 1_000).then(start));
  await load.expectConsistent();
});

test('a Redis that would evict claims is refused', async () => {
  await redisCommand('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  const lines: string[] = [];
  try {
    const starting = startSystem({
      stores: { ...stores, close: nothing },
      apis: 0,
      output: (line) => lines.push(line),
    });
    const refused = await starting;
    expect(await refused.workers[0]?.exited).toEqual({ code: 1, signal: null });
    expect(lines.join('\n')).toContain('set it to noeviction');
  } finally {
    await redisCommand('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  }
});
