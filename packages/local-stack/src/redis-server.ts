import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Binary } from './binaries/find-binary.ts';
import { redisServer } from './binaries/redis-server.ts';
import { readLinesBackwards } from './log-file.ts';
import { type ServerHandle, startServer } from './server.ts';

export interface RedisOptions {
  dataDir: string;
  port?: number | undefined;
  args?: readonly string[] | undefined;
}

/** Each test uses its own database number. */
const DATABASES = 512;

const CHECK_MAX_MS = 2_000;

/** Starts a Redis with an append-only file and without eviction. Listens on loopback only. */
export const startRedis = async (binary: Binary, options: RedisOptions): Promise<ServerHandle> => {
  const folder = join(options.dataDir, 'redis');
  const logFile = join(options.dataDir, 'redis.log');
  await mkdir(folder, { recursive: true });
  return startServer({
    name: redisServer.name,
    version: binary.version,
    command: binary.path,
    argsFor: (port) => [...argsFor(port, folder, logFile), ...(options.args ?? [])],
    folder,
    logFile,
    prepare: checkReady,
    lastError: async () => `${(await readLinesBackwards(logFile))[0] ?? 'its log is empty'} (${logFile})`,
    port: options.port,
  });
};

export const redisUrl = (port: number): string => `redis://127.0.0.1:${port}`;

const argsFor = (port: number, folder: string, logFile: string): string[] => [
  ...['--port', `${port}`, '--bind', '127.0.0.1', '--protected-mode', 'no'],
  ...['--dir', folder, '--logfile', logFile, '--daemonize', 'no', '--databases', `${DATABASES}`],
  // The append-only file has everything, so snapshots would only cost time.
  ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
  ...['--maxmemory-policy', 'noeviction'],
];

const checkReady = async (port: number, pid: number): Promise<void> => {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    connectTimeout: CHECK_MAX_MS,
    commandTimeout: CHECK_MAX_MS,
    // With it, ioredis would wait as long as Redis expects to load its data, which may be much too long.
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  // `connect` rejects with the same error; without a listener it would be printed.
  redis.on('error', () => {});
  try {
    await redis.connect();
    const info = await redis.info();
    if (!info.includes(`process_id:${pid}\r`)) throw new Error(`another Redis listens on port ${port}`);
    if (info.includes('\nloading:1\r')) throw new Error('it is still loading its data');
  } finally {
    redis.disconnect();
  }
};
