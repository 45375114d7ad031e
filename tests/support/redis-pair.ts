import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerHandle, startRedisNodes } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import { openStores, type TestStores } from './stores.ts';
import { openTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { until } from './until.ts';

/** A primary and its replica behind one address, as in a managed Redis. */
export interface RedisPair extends TestStores {
  primary: Redis;
  replica: Redis;
  /** The link between primary and replica. */
  replication: TcpProxy;
  /** Sends new connections to the replica; open ones stay with the primary. */
  turnAddress(): void;
  /** Swaps their roles once the replica has all data. Resolves after that. */
  failOver(): Promise<void>;
  /** Swaps their roles at once: data that the replica does not have yet is lost. */
  failOverWithLoss(): Promise<void>;
}

export const openRedisPair = async (): Promise<RedisPair> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'flashclaim-pair-'));
  // Without this, the primary waits five seconds for more replicas before a full synchronization.
  const { nodes, stop } = await startRedisNodes({ dataDir, size: 2, args: ['--repl-diskless-sync-delay', '0'] });
  const [first, second] = nodes as [ServerHandle, ServerHandle];
  const replication = await openTcpProxy(first.port);
  const address = await openTcpProxy(first.port);
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
