import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerHandle, startRedisNodes } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import { type FaultyLink, openFaultyLink } from './faulty-link.ts';
import { openStores, type TestStores } from './stores.ts';
import { until } from './until.ts';

/** A primary and its replica behind one address, as a managed Redis has them. */
export interface RedisPair extends TestStores {
  primary: Redis;
  replica: Redis;
  /** By it the replica hears from the primary. */
  replication: FaultyLink;
  /** New connections reach the replica from now on; open ones stay with the primary. */
  turnAddress(): void;
  /** They trade places once the replica has all that the primary has. Resolves when they did. */
  failOver(): Promise<void>;
  /** They trade places at once: what had not reached the replica is lost. */
  failOverWithLoss(): Promise<void>;
}

export const openRedisPair = async (): Promise<RedisPair> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-pair-'));
  // A replica that starts from nothing would have to wait five seconds for others that might come.
  const { nodes, stop } = await startRedisNodes({ dataDir, size: 2, args: ['--repl-diskless-sync-delay', '0'] });
  const [first, second] = nodes as [ServerHandle, ServerHandle];
  const replication = await openFaultyLink(first.port);
  const address = await openFaultyLink(first.port);
  const [primary, replica] = [new Redis(first.port), new Redis(second.port)];
  await replica.replicaof('127.0.0.1', replication.port);
  await until(async () => (await replica.info('replication')).includes('master_link_status:up'));

  const stores = await openStores();
  const isPromoted = () => until(async () => ((await replica.role()) as unknown[])[0] === 'master');
  return {
    ...stores,
    redis: replica,
    env: { ...stores.env, REDIS_URL: `redis://127.0.0.1:${address.port}` },
    primary,
    replica,
    replication,
    turnAddress: () => address.turnTo(second.port),
    failOver: async () => {
      await primary.call('FAILOVER');
      await isPromoted();
    },
    failOverWithLoss: async () => {
      await replica.replicaof('NO', 'ONE');
      await isPromoted();
      await primary.replicaof('127.0.0.1', second.port);
    },
    close: async () => {
      primary.disconnect();
      replica.disconnect();
      await Promise.all([address.close(), replication.close()]);
      await stores.close();
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
};
