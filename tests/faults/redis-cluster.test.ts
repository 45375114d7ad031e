import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { findClusterPort } from '@flashclaim/local-stack';
import { createRedis } from '@flashclaim/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Random } from '../simulation/random.ts';
import { SoakLoad } from '../soak/load.ts';
import { recordRecovery } from '../support/fault-load.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { addSlots, CLUSTER_ARGS } from '../support/redis-cluster.ts';
import { startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

const AWAY_MS = 2_000;

/** A cluster of one node, which has all slots. */
let stores: OwnStores;
beforeAll(async () => {
  const own = await openOwnStores({ redisArgs: CLUSTER_ARGS, redisPort: await findClusterPort() });
  const node = `redis://127.0.0.1:${own.servers.redis.port}`;
  stores = { ...own, env: { ...own.env, REDIS_URL: `${node},${node}` } };
  await addSlots(stores.redis);
  await clusterIs('ok');
});
afterAll(() => stores?.close());

const clusterIs = (state: 'ok' | 'fail') =>
  until(async () => (await stores.redis.cluster('INFO')).includes(`cluster_state:${state}`));

test('a connection that begins while the cluster is down becomes ready once it is up, and its commands wait until then', async () => {
  const connection = createRedis(stores.env.REDIS_URL, { maxRetriesPerRequest: null });
  onTestFinished(() => connection.disconnect());
  await once(connection, 'ready');
  connection.disconnect();
  await once(connection, 'end');
  await stores.redis.cluster('DELSLOTS', 0);
  await clusterIs('fail');

  await connection.connect();
  const said = connection.set('key', 'value');
  await sleep(AWAY_MS);
  await stores.redis.cluster('ADDSLOTS', 0);
  expect(await said).toBe('OK');
});

test('a node restarts and is killed: every lane decides again', async ({ task }) => {
  const env = { CLAIM_WAIT_MS: '2000', LOG_LEVEL: 'silent' };
  const system = await startSystem({ stores: { ...stores, close: async () => {} }, env });
  onTestFinished(() => system.close());
  const load = new SoakLoad({ name: 'cluster', random: new Random(1), urls: () => system.urls });
  await load.start();
  for (const [what, graceMs] of [
    ['restarted', undefined],
    ['killed', 0],
  ] as const) {
    load.history.mark('broken', what);
    await stores.servers.redis.stop(graceMs);
    await sleep(AWAY_MS);
    await stores.servers.redis.start();
    load.history.mark('recovered', what);
    recordRecovery(task, `node of a Redis Cluster ${what}, every lane`, (await load.probe()).at(-1) as number);
  }
  await load.stop();
  expect(load.answers.get('200 claimed')).toBeGreaterThan(0);
  await load.history.expectConsistent(system);
});
