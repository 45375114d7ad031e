import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TRANSACTION_LIFETIME_MAX_SECONDS } from '@flashclaim/core';
import type { Binary } from './binaries/find-binary.ts';
import { mongod } from './binaries/mongod.ts';
import { readLinesBackwards } from './log-file.ts';
import { prepareReplicaSet, REPLICA_SET } from './replica-set.ts';
import { type ServerHandle, startServer } from './server.ts';

export interface MongoOptions {
  dataDir: string;
  port?: number | undefined;
  /** Lets tests set fail points. */
  testCommands?: boolean | undefined;
  /** More arguments, for example for TLS. */
  args?: readonly string[] | undefined;
  /** Prepares the server before it counts as started; by default makes it the primary of a replica set of one. */
  prepare?: (port: number, pid: number) => Promise<void>;
}

/** Starts a mongod as a replica set of one: transactions and majority writes need a set. Listens on loopback only. */
export const startMongo = async (binary: Binary, options: MongoOptions): Promise<ServerHandle> => {
  const folder = join(options.dataDir, 'mongo');
  const logFile = join(options.dataDir, 'mongo.log');
  await mkdir(folder, { recursive: true });
  return startServer({
    name: mongod.name,
    version: binary.version,
    command: binary.path,
    argsFor: (port) => [
      ...argsFor({ port, folder, logFile, testCommands: options.testCommands ?? false }),
      ...(options.args ?? []),
    ],
    folder,
    logFile,
    prepare: options.prepare ?? prepareReplicaSet,
    lastError: () => lastError(logFile),
    port: options.port,
  });
};

export const mongoUri = (port: number): string => `mongodb://127.0.0.1:${port}/?replicaSet=${REPLICA_SET}`;

interface Arguments {
  port: number;
  folder: string;
  logFile: string;
  testCommands: boolean;
}

const argsFor = ({ port, folder, logFile, testCommands }: Arguments): string[] => [
  ...['--dbpath', folder, '--port', `${port}`, '--bind_ip', '127.0.0.1', '--nounixsocket'],
  // By default the oplog uses 5 % of the disk and the cache half of the memory: too much for a laptop.
  ...['--replSet', REPLICA_SET, '--oplogSize', '512', '--wiredTigerCacheSizeGB', '1'],
  ...['--logpath', logFile, '--logappend', '--quiet'],
  ...['--setParameter', 'diagnosticDataCollectionEnabled=false'],
  // By default a primary waits up to 15 s for another member to take over before it stops.
  ...['--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100'],
  // A killed worker's open transaction would block its coupons for a minute.
  ...['--setParameter', `transactionLifetimeLimitSeconds=${TRANSACTION_LIFETIME_MAX_SECONDS}`],
  ...(testCommands ? ['--setParameter', 'enableTestCommands=1'] : []),
];

/** The last error in the log: its lines are JSON, with a severity of E (error) or F (fatal). */
const lastError = async (logFile: string): Promise<string> => {
  for (const line of await readLinesBackwards(logFile)) {
    if (!/"s":"[EF]"/.test(line)) continue;
    const { msg, attr } = JSON.parse(line) as { msg: string; attr?: object };
    return `${msg} ${attr ? JSON.stringify(attr) : ''} (${logFile})`;
  }
  return `see ${logFile}`;
};
