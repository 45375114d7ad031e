import { inspectLane, JOB_NAME, laneName, lanePrefix } from '@flashclaim/lanes';
import { createRedis, createRegistry, type RedisConnection } from '@flashclaim/runtime';
import { createStatusRoutes, StuckLanes } from '@flashclaim/worker';
import { Queue, Worker } from 'bullmq';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const LANE = 3;
const AT = { prefix: lanePrefix(LANE) };

let stores: TestStores;
let queue: Queue;
let redis: RedisConnection;
let undo: (() => unknown)[];
beforeEach(async () => {
  stores = await openStores();
  redis = createRedis(stores.env.REDIS_URL, { maxRetriesPerRequest: null });
  queue = new Queue(laneName(LANE), { connection: redis, ...AT });
  undo = [() => queue.close(), () => redis.disconnect(), () => stores.close()];
});
afterEach(async () => {
  for (const end of undo) await end();
});

const look = () => inspectLane(redis, LANE);

/** The same connection, but something happens before its second pipeline is sent. */
const beforeSecondTrip = (act: () => Promise<void>): RedisConnection => {
  let trips = 0;
  const pipeline = () => {
    const commands = redis.pipeline();
    const exec = commands.exec.bind(commands);
    commands.exec = async () => {
      if (++trips === 2) await act();
      return exec();
    };
    return commands;
  };
  return { pipeline } as RedisConnection;
};

const openWorker = (run: () => Promise<unknown>): Worker => {
  const worker = new Worker(laneName(LANE), run, { connection: redis, ...AT });
  undo.unshift(() => worker.close());
  return worker;
};

describe('a look at a lane', () => {
  test('an empty one', async () => {
    expect(await look()).toEqual({
      waiting: 0,
      active: 0,
      delayed: 0,
      failed: 0,
      oldestAt: undefined,
      unserved: undefined,
    });
  });

  test('one that nobody serves: its next job, and the time of its oldest', async () => {
    await queue.add(JOB_NAME, {}, { jobId: 'second', timestamp: 2_000 });
    await queue.add(JOB_NAME, {}, { jobId: 'third', timestamp: 1_000 });
    expect(await look()).toMatchObject({ waiting: 2, oldestAt: 2_000, unserved: 'second' });
  });

  test('one whose job is run is served, however many wait behind it', async () => {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    openWorker(() => end);
    await queue.add(JOB_NAME, {}, { jobId: 'runs', timestamp: 1_000 });
    await queue.add(JOB_NAME, {}, { jobId: 'waits', timestamp: 2_000 });
    await until(async () => (await look()).active === 1);
    expect(await look()).toMatchObject({ waiting: 1, active: 1, oldestAt: 1_000, unserved: undefined });
    // As if its worker were gone.
    await stores.redis.del(`${lanePrefix(LANE)}:${laneName(LANE)}:runs:lock`);
    expect(await look()).toMatchObject({ unserved: 'runs' });
    resolve();
  });

  test('a job that ends during the look was served', async () => {
    const { promise: end, resolve } = Promise.withResolvers<void>();
    openWorker(() => end);
    await queue.add(JOB_NAME, {}, { jobId: 'ends' });
    await until(async () => (await look()).active === 1);
    const endJob = async () => {
      resolve();
      await until(async () => (await queue.getActiveCount()) === 0);
    };
    expect(await inspectLane(beforeSecondTrip(endJob), LANE)).toMatchObject({ active: 1, unserved: undefined });
  });

  test('one that is paused waits for nobody', async () => {
    await queue.pause();
    await queue.add(JOB_NAME, {});
    expect(await look()).toMatchObject({ waiting: 1, unserved: undefined });
  });

  test('a job that threw waits for its time, and not for longer', async () => {
    openWorker(() => Promise.reject(new Error('it throws')));
    await queue.add(JOB_NAME, {}, { jobId: 'throws', attempts: 2, backoff: { type: 'fixed', delay: 60_000 } });
    await until(async () => (await look()).delayed === 1);
    expect(await look()).toMatchObject({ delayed: 1, waiting: 0, unserved: undefined });
    await undo.shift()?.();
    await (await queue.getJob('throws'))?.changeDelay(1);
    await until(async () => (await look()).unserved === 'throws');
  });
});

describe('a stuck lane', () => {
  const watch = (stuckMs: number) => {
    const log: string[] = [];
    const note = (about: object, message: string) => void log.push(`${JSON.stringify(about)} ${message}`);
    const watched = new StuckLanes({
      redis,
      lanes: () => [LANE],
      log: { warn: note, info: note } as never,
      stuckMs,
      inspectEveryMs: 20,
    });
    undo.unshift(() => watched.close());
    return { watched, log, live: () => ask('/livez', { stuckLanes: watched }) };
  };

  test('fails /livez and is logged once, until its jobs run again', async () => {
    const { watched, log, live } = watch(100);
    expect(await live()).toMatchObject({ ok: true });
    await queue.add(JOB_NAME, {}, { jobId: 'left' });
    await until(async () => watched.stuck.length > 0);
    expect(watched.stuck).toEqual([LANE]);
    expect(await live()).toMatchObject({ ok: false, body: expect.stringContaining('lane 3') });

    openWorker(async () => {});
    await until(async () => watched.stuck.length === 0);
    expect(await live()).toMatchObject({ ok: true });
    expect(log).toEqual([
      '{"lane":3,"job":"left"} no worker runs the jobs of a lane although Redis answers; restart this worker',
      '{"lane":3} the jobs of a lane run again',
    ]);
  });

  test('is not a lane whose jobs change, however many wait', async () => {
    const STUCK_MS = 1_000;
    const { watched, log } = watch(STUCK_MS);
    const end = performance.now() + 2 * STUCK_MS;
    // Nobody runs them, but each is gone before its time.
    for (let i = 0; performance.now() < end; i++) {
      await queue.add(JOB_NAME, {}, { jobId: `job-${i}` });
      const before = await look();
      expect(before.unserved).toBe(`job-${i}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await (await queue.getJob(`job-${i}`))?.remove();
    }
    expect([watched.stuck, log]).toEqual([[], []]);
  });
});

/** Asks a worker with nothing wrong but this. */
const ask = (path: string, wrong: Partial<Parameters<typeof createStatusRoutes>[0]>) =>
  createStatusRoutes({
    redis,
    mongo: stores.mongo,
    registry: createRegistry(),
    lanes: () => [0],
    stuckLanes: { stuck: [] },
    running: { longestMs: 0 },
    schema: { fault: undefined },
    isStopping: () => false,
    ...wrong,
  })[path]?.();

test('a worker that stops is not ready', async () => {
  expect(await ask('/readyz', {})).toMatchObject({ ok: true });
  expect(await ask('/readyz', { isStopping: () => true })).toMatchObject({
    ok: false,
    body: expect.stringContaining('stops'),
  });
});

test('a job that never ends fails /livez', async () => {
  expect(await ask('/livez', { running: { longestMs: 200_000 } })).toMatchObject({ ok: true });
  expect(await ask('/livez', { running: { longestMs: 301_000 } })).toMatchObject({
    ok: false,
    body: expect.stringContaining('300 s'),
  });
});
