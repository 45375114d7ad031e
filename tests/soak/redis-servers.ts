import { join } from 'node:path';
import { type ServerHandle, startRedisNodes } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';

/** A Redis primary and its replica. The apps use links that follow the primary. */
export interface RedisServers {
  /** The current primary. */
  readonly primary: ServerHandle;
  /** The soak's own connection, through its own link. */
  redis: Redis;
  openLink(): Promise<TcpProxy>;
  /** From now on the replica misses all writes. */
  cutReplication(): void;
  /** The replica takes over without the writes that it missed. Open connections stay with the old primary, now a replica. */
  failOver(): Promise<void>;
  /** Resolves once the replica has all data of the primary. */
  replicated(): Promise<void>;
  close(): Promise<void>;
}

export const startRedisServers = async (folder: string): Promise<RedisServers> => {
  const { nodes, stop } = await startRedisNodes({
    dataDir: join(folder, 'redis'),
    size: 2,
    args: ['--repl-diskless-sync-delay', '0'],
  });
  let [primary, replica] = nodes as [ServerHandle, ServerHandle];
  const replication = await openTcpProxy(primary.port);
  const links: TcpProxy[] = [];
  const openLink = async (): Promise<TcpProxy> => {
    const link = await openTcpProxy(primary.port);
    links.push(link);
    return link;
  };
  const sendCommand = async ({ port }: ServerHandle, ...command: [string, ...string[]]): Promise<string> => {
    const connection = new Redis(port, { maxRetriesPerRequest: null });
    try {
      return String(await connection.call(...command));
    } finally {
      connection.disconnect();
    }
  };
  const follow = (server: ServerHandle) => sendCommand(server, 'REPLICAOF', '127.0.0.1', `${replication.port}`);
  const replicated = () =>
    until(async () => (await sendCommand(replica, 'INFO', 'replication')).includes('link_status:up'));
  await follow(replica);
  await replicated();

  const link = await openLink();
  const redis = new Redis(link.port, {
    maxRetriesPerRequest: null,
    reconnectOnError: ({ message }) => message.startsWith('READONLY') && 2,
  });
  redis.on('error', () => {});
  return {
    get primary() {
      return primary;
    },
    redis,
    openLink,
    cutReplication: () => replication.lose('everything'),
    failOver: async () => {
      [primary, replica] = [replica, primary];
      await sendCommand(primary, 'REPLICAOF', 'NO', 'ONE');
      replication.turnTo(primary.port);
      replication.lose('nothing');
      replication.reset();
      await follow(replica);
      for (const one of links) one.turnTo(primary.port);
      // The soak itself must not read from a replica.
      link.reset();
    },
    replicated,
    close: async () => {
      redis.disconnect();
      await Promise.all([...links, replication].map((one) => one.close()));
      await stop();
    },
  };
};
