import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultLoad } from '../support/fault-load.ts';
import { HistoryRecorder } from '../support/history.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** Shorter than an outage: callers ask again, and get an answer. */
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
const again = async (times: number, inject: () => Promise<unknown>) => {
  for (let time = 0; time < times; time++) {
    await inject();
    await sleep(50);
  }
};
const nothing = async () => {};

interface Fault {
  inject: () => Promise<unknown>;
  heal: () => Promise<unknown>;
  awayMs?: number;
}

const AWAY_MS = 3_000;

const FAULTS: Record<string, Fault> = {
  'is restarted': { inject: () => stores.servers.redis.stop(), heal: start, awayMs: AWAY_MS },
  'is killed': { inject: () => stores.servers.redis.stop(0), heal: start, awayMs: AWAY_MS },
  'comes back empty': { inject: () => stores.servers.redis.stop(0).then(emptyDisk), heal: start, awayMs: AWAY_MS },
  'forgets everything during a sale, three times': {
    inject: () => again(3, () => redisCommand('FLUSHALL')),
    heal: nothing,
  },
  'loses the connections of jobs, twenty times': {
    inject: () => again(20, () => redisCommand('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')),
    heal: nothing,
  },
  'loses the connections of answers, twenty times': {
    inject: () => again(20, () => redisCommand('CLIENT', 'KILL', 'TYPE', 'pubsub')),
    heal: nothing,
  },
  'answers nobody for a while': { inject: () => redisCommand('CLIENT', 'PAUSE', AWAY_MS), heal: nothing },
  'has no memory left': {
    inject: () => redisCommand('CONFIG', 'SET', 'maxmemory', 1),
    heal: () => redisCommand('CONFIG', 'SET', 'maxmemory', 0),
    awayMs: AWAY_MS,
  },
  'has its event streams cut to nothing, twenty times': {
    inject: () =>
      again(20, async () => {
        for (const key of await stores.redis.keys('*:events')) await stores.redis.xtrim(key, 'MAXLEN', 0);
      }),
    heal: nothing,
  },
};

describe.each(Object.entries(FAULTS))('Redis %s', (name, { inject, heal, awayMs }) => {
  test('every answer is true', async ({ task }) => {
    const load = new FaultLoad({ system, coupon: name.replaceAll(/[ ,]+/g, '-'), test: task });
    await load.start();
    await load.decides(100);
    await load.through(`Redis ${name}`, inject, async () => {
      await sleep(awayMs ?? 0);
      await heal();
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
  const inject = () => stores.servers.redis.stop(0);
  await load.through(`Redis down for ${seconds} s`, inject, () => sleep(seconds * 1_000).then(start));
  await load.expectConsistent();
});

test('a subscription to answers that Redis refused for a while begins again', async () => {
  const isSubscribed = async () => (await stores.redis.pubsub('CHANNELS', 'flashclaim:answers:*')).length > 0;
  const isRefused = async () => / sub=0 .* cmd=subscribe /.test(String(await stores.redis.client('LIST')));
  await until(isSubscribed);
  await redisCommand('ACL', 'SETUSER', 'default', 'resetchannels');
  await until(isRefused);
  await redisCommand('ACL', 'SETUSER', 'default', 'allchannels');
  await until(isSubscribed);
});
