import { setTimeout as sleep } from 'node:timers/promises';
import {
  answersChannel,
  type ClaimJobResult,
  encodeJob,
  JOB_LOCK_MS,
  JOB_NAME,
  type JobAnswer,
  laneKey,
  laneName,
  lanePrefix,
} from '@flashclaim/core';
import { createRedis, type Logger, type RedisConnection } from '@flashclaim/service';
import { CommitGroup, CouponMemory, commitClaims, jobCompleted, openLane, processJob } from '@flashclaim/worker';
import { type Job, Queue, type Worker } from 'bullmq';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const LANE = 0;
const COUPON = 'created late';
const log = { debug: () => {}, info: () => {}, warn: () => {} } as unknown as Logger;

let stores: TestStores;
let redis: RedisConnection;
let queue: Queue;
let workers: Worker[];
let told: string[];
beforeEach(async () => {
  stores = await openStores();
  redis = createRedis(stores.env.REDIS_URL, { maxRetriesPerRequest: null });
  queue = new Queue(laneName(LANE), { connection: redis, prefix: lanePrefix(LANE) });
  workers = [];
  told = [];
  const answers = createRedis(stores.env.REDIS_URL, {});
  answers.on('message', (_, text: string) => told.push((JSON.parse(text) as JobAnswer).result.decisions));
  await answers.subscribe(answersChannel('api'));
  return () => answers.disconnect();
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.close()));
  await queue.close();
  redis.disconnect();
  await stores.close();
});

type Run = (job: Job) => Promise<ClaimJobResult>;

/** A worker whose first run of a job goes as `first` says; `run` is what it would do by itself. */
const startWorker = (first: (job: Job, run: Run) => Promise<ClaimJobResult>): void => {
  const { mongo } = stores;
  const memory = new CouponMemory();
  const group = new CommitGroup((claims, holds) => commitClaims({ mongo, memory, holds }, claims));
  let runs = 0;
  workers.push(
    openLane(LANE, {
      ...{ redis, log },
      runJob: (job, token) => {
        const run: Run = () => processJob({ group, redis, log }, job, token);
        return runs++ === 0 ? first(job, run) : run(job);
      },
      jobCompleted: (job, result) => jobCompleted({ redis, log }, job, result),
    }),
  );
};

const createCoupon = async (): Promise<void> => {
  const now = new Date();
  const amounts = { amount: 1, remaining_amount: 1 };
  await stores.mongo.coupons.insertOne({ name: COUPON, ...amounts, created_at: now, updated_at: now });
};

const loseLock = (job: Job) => redis.del(laneKey(LANE, `${job.id}:lock`));
const addJob = () =>
  queue.add(JOB_NAME, encodeJob('api', [{ id: 'the-claim', userId: 'user', couponName: COUPON }]), {
    jobId: 'the-job',
  });

test('a run that lost its job tells nobody a refusal: the next one may grant', async () => {
  startWorker(async (job, run) => {
    const result = await run(job);
    await createCoupon();
    await loseLock(job);
    return result;
  });
  await addJob();
  await until(async () => told.includes('C'));
  expect(told).toEqual(['C']);
});

test('a run that lost its job grants nothing: another may have refused meanwhile', async () => {
  let late: Promise<ClaimJobResult> | undefined;
  startWorker(async (job, run) => {
    await loseLock(job);
    await until(async () => told.length > 0);
    await createCoupon();
    await sleep(Math.max(0, (job.processedOn as number) + JOB_LOCK_MS - Date.now()));
    late = run(job);
    return late;
  });
  await addJob();
  await until(async () => (await queue.getActiveCount()) === 1);
  startWorker((job, run) => run(job));
  await until(async () => late !== undefined);
  await expect(late).rejects.toThrow('another worker');
  expect(told).toEqual(['N']);
  expect(await stores.mongo.claims.countDocuments()).toBe(0);
});
