import { join } from 'node:path';
import { type ServerHandle, startRedisNodes } from '@flashclaim/local-stack';
import { Redis } from 'ioredis';
import { type FaultyLink, openFaultyLink } from '../support/faulty-link.ts';
import { until } from '../support/until.ts';

/** A Redis primary and its replica. The apps reach the primary by links that follow it. */
export interface RedisServers {
  /** The primary now. */
  readonly primary: ServerHandle;
  /** A connection of the soak itself, by a link of its own. */
  redis: Redis;
  openLink(): Promise<FaultyLink>;
  /** From now on the replica misses what the primary is told. */
  cutReplication(): void;
  /** The replica takes over without what it missed. Open connections stay with the old primary, which becomes its replica. */
  failOver(): Promise<void>;
  /** Resolves once the replica has all that the primary has. */
  replicated(): Promise<void>;
  close(): Promise<void>;
}

export const startRedisServers = async (folder: string): Promise<RedisServers> => {
  const { nodes, stop } = await startRedisNodes({
    dataDir: join(folder, 'redis'),
    ...{ size: 2, args: ['--repl-diskless-sync-delay', '0'] },
  });
  let [primary, replica] = nodes as [ServerHandle, ServerHandle];
  const replication = await openFaultyLink(primary.port);
  const links: FaultyLink[] = [];
  const openLink = async (): Promise<FaultyLink> => {
    const link = await openFaultyLink(primary.port);
    links.push(link);
    return link;
  };
  const tell = async ({ port }: ServerHandle, ...command: [string, ...string[]]): Promise<string> => {
    const connection = new Redis(port, { maxRetriesPerRequest: null });
    try {
      return String(await connection.call(...command));
    } finally {
      connection.disconnect();
    }
  };
  const follow = (server: ServerHandle) => tell(server, 'REPLICAOF', '127.0.0.1', `${replication.port}`);
  const replicated = () => until(async () => (await tell(replica, 'INFO', 'replication')).includes('link_status:up'));
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
      await tell(primary, 'REPLICAOF', 'NO', 'ONE');
      replication.turnTo(primary.port);
      replication.lose('nothing');
      replication.reset();
      await follow(replica);
      for (const one of links) one.turnTo(primary.port);
      // The soak itself reads no replica.
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
