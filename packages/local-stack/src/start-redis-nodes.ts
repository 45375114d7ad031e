import { join } from 'node:path';
import { findBinary } from './binaries/find-binary.ts';
import { redisServer } from './binaries/redis-server.ts';
import { readEnv } from './env.ts';
import { startRedis } from './redis-server.ts';
import type { ServerHandle } from './server.ts';

export interface RedisNodes {
  nodes: readonly ServerHandle[];
  stop(): Promise<void>;
}

export interface RedisNodesOptions {
  dataDir: string;
  size: number;
  /** More arguments for each command line. */
  args: readonly string[];
  /** Any free port by default. */
  findPort?: () => Promise<number>;
}

/**
 * Starts several Redis servers that are not connected yet, for tests of failovers and clusters. Listens on loopback only.
 * @throws StartError if one is missing or does not start; then it stops the others.
 */
export const startRedisNodes = async ({ dataDir, size, args, findPort }: RedisNodesOptions): Promise<RedisNodes> => {
  const binary = await findBinary(redisServer, readEnv(), () => {});
  const nodes: ServerHandle[] = [];
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop(0))));
  try {
    for (let i = 0; i < size; i++)
      nodes.push(await startRedis(binary, { dataDir: join(dataDir, `node-${i}`), port: await findPort?.(), args }));
    return { nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
