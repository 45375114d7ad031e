import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findClusterPort, startRedisNodes } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import { openStores, type TestStores } from './stores.ts';
import { until } from './until.ts';

const SLOTS = 16_384;
const SLOTS_PER_COMMAND = 1_024;

/** Arguments that make a server a node of a cluster. */
export const CLUSTER_ARGS = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1', '--databases', '1'];

/** A Redis Cluster for one test. */
export interface RedisCluster extends TestStores {
  masters: Redis[];
  /** The replica of the first master. */
  replica: Redis;
}

/** Gives a node the slots from `start` up to `end`. */
export const addSlots = async (node: Redis, start = 0, end = SLOTS): Promise<void> => {
  const slots = Array.from({ length: end - start }, (_, i) => start + i);
  while (slots.length > 0) await node.cluster('ADDSLOTS', ...slots.splice(0, SLOTS_PER_COMMAND));
};

/** Opens a cluster of three masters, which share the slots, and one replica. */
export const openRedisCluster = async (): Promise<RedisCluster> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-cluster-'));
  const { nodes, stop } = await startRedisNodes({ dataDir, size: 4, args: CLUSTER_ARGS, findPort: findClusterPort });
  const ports = nodes.map(({ port }) => port);
  const clients = ports.map((port) => new Redis(port));
  const [first, second, third, replica] = clients as [Redis, Redis, Redis, Redis];
  const masters = [first, second, third];
  for (const port of ports.slice(1)) await first.cluster('MEET', '127.0.0.1', port);
  const allSay = (text: string) =>
    until(async () => {
      const infos = await Promise.all(clients.map((client) => client.cluster('INFO')));
      return infos.every((info) => info.includes(text));
    });
  await allSay(`cluster_known_nodes:${ports.length}`);
  const share = Math.ceil(SLOTS / masters.length);
  for (const [i, master] of masters.entries()) await addSlots(master, i * share, Math.min((i + 1) * share, SLOTS));
  await replica.cluster('REPLICATE', await first.cluster('MYID'));
  await allSay('cluster_state:ok');
  await until(async () => (await replica.info('replication')).includes('master_link_status:up'));

  const stores = await openStores();
  const urls = ports.slice(0, masters.length).map((port) => `redis://127.0.0.1:${port}`);
  return {
    ...stores,
    env: { ...stores.env, REDIS_URL: urls.join() },
    masters,
    replica,
    close: async () => {
      for (const client of clients) client.disconnect();
      await stores.close();
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
