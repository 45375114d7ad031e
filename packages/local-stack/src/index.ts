/**
 * Starts real servers and the apps on this machine, for `npm start`, tests and benchmarks.
 * Every process stops with the process that started it.
 */

export { findBinary } from './binaries/find-binary.ts';
export { mongod } from './binaries/mongod.ts';
export { downloadInto, isProgram } from './binaries/program-files.ts';
export { redisServer } from './binaries/redis-server.ts';
export { requireSpace } from './disk-space.ts';
export { readEnv } from './env.ts';
export { findApi } from './find-api.ts';
export { type FoundMongo, findMongo } from './find-mongo.ts';
export { findClusterPort, findFreePort } from './free-port.ts';
export type { Log } from './log.ts';
export { mongoUri, startMongo } from './mongo-server.ts';
export { startRedis } from './redis-server.ts';
export type { ServerHandle } from './server.ts';
export { NODE_ARGUMENTS } from './start-apps.ts';
export { type Exit, type ProcessHandle, type ProcessOptions, startProcess, stopEveryProcess } from './start-process.ts';
export { type RedisNodes, startRedisNodes } from './start-redis-nodes.ts';
export { type ReplicaSet, startReplicaSet } from './start-replica-set.ts';
export { type Stores, type StoresOptions, startStores } from './start-stores.ts';
export { openStoredMongo, type StoredMongo } from './stored-mongo.ts';
