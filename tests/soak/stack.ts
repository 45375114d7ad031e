import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Exit,
  type ProcessHandle,
  type ReplicaSet,
  type ServerHandle,
  startReplicaSet,
} from '@flashclaim/local-stack';
import { connectMongo, ensureCollections } from '@flashclaim/store';
import { ProcessClock } from '../support/process-clock.ts';
import type { TestStores } from '../support/stores.ts';
import { type System, startSystem } from '../support/system.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/until.ts';
import { COLLECTABLE } from './collect-garbage.ts';
import { type RedisServers, startRedisServers } from './redis-servers.ts';

/** Shorter than most faults, so that many callers are answered `pending`. */
export const WAIT_MS = 2_000;

const APIS = 2;
const WORKERS = 3;
const MEMBERS = 3;

/** A place for one process of an app. A replacement takes the same slot. */
export interface Slot {
  name: string;
  handle: ProcessHandle;
  /** The URL of its metrics. */
  metricsUrl: string;
  /** Its wall clock. */
  clock: ProcessClock;
  /** Is never replaced. Slow leaks show only in a process that runs for the whole time. */
  survivor: boolean;
}

export interface ApiSlot extends Slot {
  /** The URL for callers, through a link whose connections can be reset. */
  url: string;
  link: TcpProxy;
}

export interface Stack {
  system: System;
  stores: TestStores;
  set: ReplicaSet;
  redisServers: RedisServers;
  /** The links of all workers and of all APIs to Redis. */
  redisLinks: { workers: TcpProxy; apis: TcpProxy };
  workers: Slot[];
  apis: ApiSlot[];
  /** Processes that were asked to stop, until their exit is checked. */
  stopping: { name: string; gone: Promise<Exit> }[];
  startWorker(name: string, env?: NodeJS.ProcessEnv): Promise<Slot>;
  startApi(name: string, env?: NodeJS.ProcessEnv): Promise<ApiSlot>;
  /** Contains the logs. */
  folder: string;
  /** The log of the apps. */
  appsLog: string;
  close(keepFolder: boolean): Promise<void>;
}

/** Starts a complete system as real processes, for fault injection. */
export const startStack = async (apps: string | undefined): Promise<Stack> => {
  const folder = await mkdtemp(join(tmpdir(), 'flashclaim-soak-'));
  const appsLog = join(folder, 'apps.log');
  const undo: (() => Promise<unknown>)[] = [];
  const close = async (keepFolder: boolean) => {
    for (const step of undo.reverse()) await step();
    if (!keepFolder) await rm(folder, { recursive: true, force: true });
  };
  try {
    const set = await startReplicaSet(folder, MEMBERS);
    undo.push(() => set.stop());
    const redisServers = await startRedisServers(folder);
    undo.push(() => redisServers.close());
    const stores = await openStores(set, redisServers);
    const redisLinks = { workers: await redisServers.openLink(), apis: await redisServers.openLink() };
    const clocks: ProcessClock[] = [];
    undo.push(async () => {
      for (const clock of clocks) clock.close();
    });
    const system = await startSystem({
      stores,
      apis: 0,
      workers: 0,
      ...(apps !== undefined && { apps }),
      env: { CLAIM_WAIT_MS: `${WAIT_MS}` },
      output: { file: appsLog },
    });
    undo.push(() => system.close());
    const slots = slotsOf(system, redisLinks, clocks);
    const stack: Stack = { ...slots, system, stores, set, redisServers, redisLinks, folder, appsLog, close };
    const survivorEnv = (i: number) => (i === 1 ? COLLECTABLE : {});
    for (let i = 1; i <= WORKERS; i++)
      stack.workers.push({ ...(await stack.startWorker(`worker ${i}`, survivorEnv(i))), survivor: i === 1 });
    for (let i = 1; i <= APIS; i++)
      stack.apis.push({ ...(await stack.startApi(`API ${i}`, survivorEnv(i))), survivor: i === 1 });
    undo.push(async () => void (await Promise.all(stack.apis.map(({ link }) => link.close()))));
    await until(() => isComplete(stack));
    return stack;
  } catch (error) {
    await close(true);
    throw error;
  }
};

const openStores = async (set: ReplicaSet, { redis, primary }: RedisServers): Promise<TestStores> => {
  const name = 'soak';
  const mongo = await connectMongo(set.uri, name, {});
  await ensureCollections(mongo.db);
  return {
    mongo,
    redis,
    env: { MONGO_URI: set.uri, MONGO_DB: name, REDIS_URL: `redis://127.0.0.1:${primary.port}` },
    close: () => mongo.client.close(),
  };
};

const slotsOf = (system: System, redisLinks: Stack['redisLinks'], clocks: ProcessClock[]) => {
  const newClock = () => {
    const clock = new ProcessClock(0);
    clocks.push(clock);
    return clock;
  };
  const redisBy = (link: TcpProxy) => ({ REDIS_URL: `redis://127.0.0.1:${link.port}` });
  const startWorker = async (name: string, env: NodeJS.ProcessEnv = {}): Promise<Slot> => {
    const clock = newClock();
    const handle = await system.addWorker({ ...redisBy(redisLinks.workers), ...clock.env, ...env });
    const metricsUrl = system.workerUrls.at(-1) as string;
    // A fault during a start ends the process. Nothing restarts it here, so wait until it is ready.
    await until(() => isReady(metricsUrl));
    return { name, handle, metricsUrl, clock, survivor: false };
  };
  const startApi = async (name: string, env: NodeJS.ProcessEnv = {}): Promise<ApiSlot> => {
    const clock = newClock();
    const metricsUrl = await system.addApi({ ...redisBy(redisLinks.apis), ...clock.env, ...env });
    const link = await openTcpProxy(Number(new URL(metricsUrl).port));
    const handle = system.apis.at(-1) as ProcessHandle;
    return { name, handle, metricsUrl, clock, survivor: false, link, url: `http://127.0.0.1:${link.port}` };
  };
  return { workers: [] as Slot[], apis: [] as ApiSlot[], stopping: [] as Stack['stopping'], startWorker, startApi };
};

const isReady = (url: string): Promise<boolean> =>
  fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

/** Whether the replica set has a primary and all its secondaries. */
export const isComplete = async ({ stores }: Stack): Promise<boolean> => {
  // During an election no member answers.
  const status = await stores.mongo.client
    .db('admin')
    .command({ replSetGetStatus: 1 })
    .catch(() => ({ members: [] }));
  const { members } = status;
  const states = (members as { stateStr: string }[]).map(({ stateStr }) => stateStr).sort();
  return `${states}` === 'PRIMARY,SECONDARY,SECONDARY';
};

/** The current primary. */
export const primaryOf = async ({ stores, set }: Stack): Promise<ServerHandle> => {
  const { primary } = await stores.mongo.client.db('admin').command({ hello: 1 });
  return set.members.find(({ port }) => primary === `127.0.0.1:${port}`) as ServerHandle;
};
