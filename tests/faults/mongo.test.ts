import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { clearFailPoint, type FailPoint, setFailPoint } from '../support/fail-point.ts';
import { FaultLoad } from '../support/fault-load.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let stores: OwnStores;
let system: System;
beforeAll(async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, workers: 2, env: { LOG_LEVEL: 'error' } });
});
afterAll(() => system?.close());

const WRITE_CONCERN_FAILED = 64;
const SHUTDOWN_IN_PROGRESS = 91;
const WRITE_CONFLICT = 112;
/** What a worker's transaction is made of. */
const TRANSACTION = ['find', 'insert', 'update', 'commitTransaction'];
const slow = (blockTimeMS: number) => ({ blockConnection: true, blockTimeMS });

// The driver repeats a commit once after its connection broke, and the worker says it once more whatever was unknown.
const FAULTS: Record<string, FailPoint & { times: number }> = {
  'commits whose connection breaks before they happen': {
    commands: ['commitTransaction'],
    times: 2,
    data: { closeConnection: true },
  },
  'commits that happen, and then nobody knows whether they did': {
    commands: ['commitTransaction'],
    times: 6,
    data: { writeConcernError: { code: WRITE_CONCERN_FAILED, errmsg: 'no majority in time' } },
  },
  // The driver holds such a primary for gone until it has heard from it again, and this one is there and says nothing new.
  'commits that a primary refuses as if it shut down': {
    commands: ['commitTransaction'],
    times: 3,
    data: { errorCode: SHUTDOWN_IN_PROGRESS },
  },
  'a burst of write conflicts': {
    commands: ['insert', 'update'],
    times: 12,
    data: { errorCode: WRITE_CONFLICT, errorLabels: ['TransientTransactionError'] },
  },
  'commands that take 200 ms': { commands: TRANSACTION, times: 12, data: slow(200) },
  'commits that take 2 s': { commands: ['commitTransaction'], times: 2, data: slow(2_000) },
};

const injectWith = async ({ times, ...failPoint }: FailPoint & { times: number }): Promise<void> => {
  const { client } = stores.mongo;
  const before = await failPointCount();
  await setFailPoint(client, { ...failPoint, times });
  await until(async () => (await failPointCount()) >= before + times);
  await clearFailPoint(client);
};

/** The commands that the fail point has affected since the server started. */
const failPointCount = async (): Promise<number> => {
  const reply = await stores.mongo.client.db('admin').command({ getParameter: 1, 'failpoint.failCommand': 1 });
  return reply['failpoint.failCommand'].timesEntered;
};

test.for(Object.entries(FAULTS))('%s', async ([what, fault], { task }) => {
  const load = new FaultLoad({ system, coupon: what.replaceAll(/[ ,]+/g, '-'), test: task });
  await load.start();
  await load.through(
    what,
    () => injectWith(fault),
    async () => {},
  );
  await load.decides(50);
  await load.expectConsistent();
});

test('a commit that takes 30 s', { tags: ['slow'] }, async ({ task }) => {
  const load = new FaultLoad({ system, coupon: 'half-a-minute', test: task });
  await load.start();
  const inject = () => injectWith({ commands: ['commitTransaction'], times: 1, data: slow(30_000) });
  await load.through('a commit that takes 30 s', inject, () => sleep(30_000));
  await load.expectConsistent();
});

test.for([3, 20, 120])('MongoDB is down for %i seconds', { tags: ['slow'] }, async (seconds, { task }) => {
  const load = new FaultLoad({ system, coupon: `away-${seconds}`, test: task });
  await load.start();
  const { mongo } = stores.servers;
  const heal = async () => {
    await sleep(seconds * 1_000);
    await mongo.start();
  };
  await load.through(`MongoDB down for ${seconds} s`, () => mongo.stop(0), heal);
  await load.expectConsistent();
});
