import { join } from 'node:path';
import { findBinary } from './binaries/find-binary.ts';
import { mongod } from './binaries/mongod.ts';
import { readEnv } from './env.ts';
import { startMongo } from './mongo-server.ts';
import { initiateReplicaSet, prepareMember, REPLICA_SET } from './replica-set.ts';
import type { ServerHandle } from './server.ts';

export interface ReplicaSet {
  uri: string;
  members: readonly ServerHandle[];
  stop(): Promise<void>;
}

/**
 * Starts several servers as one replica set, for tests of failovers. Listens on loopback only.
 * @throws StartError if one is missing or does not start; then it stops the others.
 */
export const startReplicaSet = async (dataDir: string, size: number): Promise<ReplicaSet> => {
  const binary = await findBinary(mongod, readEnv(), () => {});
  const members: ServerHandle[] = [];
  const stop = async () => void (await Promise.all(members.map((member) => member.stop(0))));
  try {
    for (let i = 0; i < size; i++) {
      const options = { dataDir: join(dataDir, `member-${i}`), testCommands: true, prepare: prepareMember };
      members.push(await startMongo(binary, options));
    }
    const ports = members.map(({ port }) => port);
    await initiateReplicaSet(ports, (members[0] as ServerHandle).pid);
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
    return { uri: `mongodb://${hosts}/?replicaSet=${REPLICA_SET}`, members, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
