import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ReplicaSet, type ServerHandle, startReplicaSet } from '@flashclaim/local-stack';
import { connectMongo } from '@flashclaim/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { setFailPoint, waitForFailPoint } from '../support/fail-point.ts';
import { FaultLoad } from '../support/fault-load.ts';
import { openStores } from '../support/stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

let set: ReplicaSet;
let system: System;
beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-set-'));
  set = await startReplicaSet(dataDir, 3);
  const shared = await openStores();
  const mongo = await connectMongo(set.uri, 'faults', {});
  const stores = {
    ...shared,
    mongo,
    env: { ...shared.env, MONGO_URI: set.uri, MONGO_DB: 'faults' },
    close: async () => {
      await mongo.client.close();
      await set.stop();
      await shared.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  system = await startSystem({ stores, env: { LOG_LEVEL: 'error' } });
});
afterAll(() => system?.close());

const primary = async (): Promise<ServerHandle> => {
  const { primary } = await system.stores.mongo.client.db('admin').command({ hello: 1 });
  return set.members.find(({ port }) => primary === `127.0.0.1:${port}`) as ServerHandle;
};

const secondary = async (): Promise<ServerHandle> => {
  const first = await primary();
  return set.members.find((member) => member !== first) as ServerHandle;
};

/** Two of three are enough, but all are wanted for the next fault. */
const everyMember = () =>
  until(async () => {
    const { members } = await system.stores.mongo.client.db('admin').command({ replSetGetStatus: 1 });
    const states = (members as { stateStr: string }[]).map(({ stateStr }) => stateStr).sort();
    return `${states}` === 'PRIMARY,SECONDARY,SECONDARY';
  });

const stepDown = async () => {
  await system.stores.mongo.client.db('admin').command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 2 });
};

test('the primary steps down', async ({ task }) => {
  await everyMember();
  const load = new FaultLoad({ system, coupon: 'step-down', test: task });
  await load.start();
  await load.through('primary steps down', stepDown, async () => {});
  await load.decides(100);
  await load.expectConsistent();
});

test('the primary steps down while it commits', async ({ task }) => {
  await everyMember();
  const load = new FaultLoad({ system, coupon: 'election', test: task });
  await load.start();
  const { client } = system.stores.mongo;
  const inject = async () => {
    const data = { blockConnection: true, blockTimeMS: 1_000 };
    await setFailPoint(client, { commands: ['commitTransaction'], times: 1, data });
    await waitForFailPoint(client, 1);
    await stepDown();
  };
  await load.through('primary steps down in a commit', inject, async () => {});
  await load.decides(100);
  await load.expectConsistent();
});

test('the primary is killed: nothing that was acknowledged is rolled back', async ({ task }) => {
  await everyMember();
  const load = new FaultLoad({ system, coupon: 'primary-killed', test: task });
  await load.start();
  const victim = await primary();
  await load.through(
    'primary killed',
    () => victim.stop(0),
    async () => {},
  );
  await load.decides(100);
  // It comes back with what it had not told anybody yet, and has to give that up.
  await victim.start();
  await everyMember();
  await load.expectConsistent();
});

test('a secondary is lost', { tags: ['slow'] }, async ({ task }) => {
  await everyMember();
  const load = new FaultLoad({ system, coupon: 'secondary', test: task });
  await load.start();
  const victim = await secondary();
  await load.through(
    'secondary killed',
    () => victim.stop(0),
    async () => {},
  );
  await load.decides(100);
  await victim.start();
  await load.expectConsistent();
});

test('no majority is left for 3 s: no answer says anything that could be lost', async ({ task }) => {
  await everyMember();
  const load = new FaultLoad({ system, coupon: 'no-majority', test: task });
  await load.start();
  const first = await primary();
  const others = set.members.filter((member) => member !== first);
  const inject = async () => {
    for (const member of others) member.kill('SIGSTOP');
    // What was acknowledged before is answered first.
    let decided: number;
    do {
      decided = load.decided;
      await sleep(1_000);
    } while (load.decided > decided);
    await sleep(2_000);
    expect(load.decided).toBe(decided);
  };
  await load.through('no majority', inject, async () => {
    for (const member of others) member.kill('SIGCONT');
  });
  await load.decides(100);
  await load.expectConsistent();
});
