import { setTimeout as sleep } from 'node:timers/promises';
import { GRACE_MARGIN_MS, graceMs } from '@flashclaim/core';
import type { ServerHandle } from '@flashclaim/local-stack';
import type { Random } from '../simulation/random.ts';
import { clearFailPoint, setFailPoint } from '../support/fail-point.ts';
import { until } from '../support/until.ts';
import { type ApiSlot, isComplete, primaryOf, type Slot, type Stack, WAIT_MS } from './stack.ts';

/** A fault that can be injected and healed. */
export interface Fault {
  /** Shortest and longest time between the injection and the healing. */
  durationMs: readonly [number, number];
  /** Injects the fault. Resolves to the function that heals it. */
  inject: (stack: Stack, random: Random) => Promise<() => Promise<unknown>>;
  /** Redis loses jobs. */
  losesWrites?: boolean;
}

const nothing = async () => {};

const AT_ONCE = [0, 0] as const;
const A_WHILE = [200, 4_000] as const;

/** Values for CLAIM_LANES. */
export const LANES = [4, 8, 16] as const;

const CLOCK_OFFSET_MAX_MS = 600_000;

/** Longest time for which a replica misses the writes that its primary confirms. */
const LOST_WRITES_MAX_MS = 500;

const pickReplaceable = <S extends Slot>(slots: readonly S[], random: Random): S =>
  random.pick(slots.filter((slot) => !slot.survivor));

/** A process ends, and later another one replaces it, once `end` has resolved. */
const ends =
  <S extends Slot>(slotsOf: (stack: Stack) => S[], end: Ends, start: Starts<S>): Fault['inject'] =>
  async (stack, random) => {
    const slots = slotsOf(stack);
    const slot = pickReplaceable(slots, random);
    const ended = end(stack, slot);
    return async () => {
      await ended;
      // A starting process connects only once, and ends if that fails.
      await until(() => isComplete(stack));
      slots[slots.indexOf(slot)] = await start(stack, slot);
    };
  };
type Ends = (stack: Stack, slot: Slot) => Promise<unknown> | undefined;
type Starts<S> = (stack: Stack, before: S, env?: NodeJS.ProcessEnv) => Promise<S>;

const workersOf = ({ workers }: Stack) => workers;
const apisOf = ({ apis }: Stack) => apis;
const newWorker: Starts<Slot> = (stack, { name }, env) => stack.startWorker(name, env);
const newApi: Starts<ApiSlot> = async (stack, { name, link }, env) => {
  await link.close();
  return stack.startApi(name, env);
};

const killed: Ends = (_, { handle }) => handle.stop(0);
const leaves = (stack: Stack, { name, handle }: Slot) => {
  const gone = handle.stop(graceMs(WAIT_MS) + GRACE_MARGIN_MS);
  stack.stopping.push({ name, gone });
  return gone;
};
/** A replacement starts at once, while the stopping worker may still run: its lanes must not wait for it. */
const workerLeaves: Ends = (stack, slot) => {
  leaves(stack, slot);
  return undefined;
};

/** A process is stopped, and its replacement has another number of lanes. */
const changesLanes =
  <S extends Slot>(slotsOf: (stack: Stack) => S[], start: Starts<S>): Fault['inject'] =>
  (stack, random) => {
    const env = { CLAIM_LANES: `${random.pick(LANES)}` };
    return ends(slotsOf, leaves, (all, before) => start(all, before, env))(stack, random);
  };

/** The wall clock of a process steps, and later steps again. */
const clockSteps =
  (slotsOf: (stack: Stack) => readonly Slot[]): Fault['inject'] =>
  async (stack, random) => {
    const { clock } = random.pick(slotsOf(stack));
    const step = () => clock.stepTo(random.int(-CLOCK_OFFSET_MAX_MS, CLOCK_OFFSET_MAX_MS));
    await step();
    return step;
  };

/** A process is suspended and resumed; survivors too. */
const suspended =
  (slotsOf: (stack: Stack) => readonly Slot[]): Fault['inject'] =>
  async (stack, random) => {
    const { handle } = random.pick(slotsOf(stack));
    handle.kill('SIGSTOP');
    return async () => handle.kill('SIGCONT');
  };

const redisCommand =
  (...[command, ...args]: [string, ...(string | number)[]]): Fault['inject'] =>
  async ({ stores }) => {
    await stores.redis.call(command, ...args);
    return nothing;
  };

const redisEnds =
  (graceMs?: number): Fault['inject'] =>
  async ({ redisServers: { primary } }) => {
    await primary.stop(graceMs);
    return () => primary.start();
  };

/** A failover that loses the last acknowledged writes. */
const redisFailsOver: Fault['inject'] = async ({ redisServers }, random) => {
  await redisServers.replicated();
  redisServers.cutReplication();
  await sleep(random.int(0, LOST_WRITES_MAX_MS));
  await redisServers.failOver();
  return nothing;
};

/** Waits until the replica set is complete, because it does not promise to survive two faults. */
const onCompleteSet =
  (inject: (stack: Stack, primary: ServerHandle, random: Random) => Promise<() => Promise<unknown>>): Fault['inject'] =>
  async (stack, random) => {
    await until(() => isComplete(stack));
    return inject(stack, await primaryOf(stack), random);
  };

const secondariesOf = ({ set }: Stack, primary: ServerHandle) => set.members.filter((member) => member !== primary);

const memberEnds = async (member: ServerHandle, graceMs?: number) => {
  await member.stop(graceMs);
  return () => member.start();
};

const stopped = (members: readonly ServerHandle[]) => {
  for (const member of members) member.kill('SIGSTOP');
  return async () => {
    for (const member of members) member.kill('SIGCONT');
  };
};

const loses =
  (side: keyof Stack['redisLinks']): Fault['inject'] =>
  async ({ redisLinks }) => {
    const link = redisLinks[side];
    link.lose('everything');
    return async () => {
      link.lose('nothing');
      // Bytes are missing on every connection, so none of them may be used again.
      link.reset();
    };
  };

const resets =
  (side: keyof Stack['redisLinks']): Fault['inject'] =>
  async ({ redisLinks }) => {
    redisLinks[side].reset();
    return nothing;
  };

/** All faults, by name. */
export const FAULTS = {
  'worker killed': { durationMs: A_WHILE, inject: ends(workersOf, killed, newWorker) },
  'worker stopped': { durationMs: A_WHILE, inject: ends(workersOf, workerLeaves, newWorker) },
  'worker suspended': { durationMs: [500, 6_000], inject: suspended(workersOf) },
  'API killed': { durationMs: A_WHILE, inject: ends(apisOf, killed, newApi) },
  'API stopped': { durationMs: A_WHILE, inject: ends(apisOf, leaves, newApi) },
  'API suspended': { durationMs: [500, 4_000], inject: suspended(apisOf) },
  'worker with another number of lanes': { durationMs: A_WHILE, inject: changesLanes(workersOf, newWorker) },
  'API with another number of lanes': { durationMs: A_WHILE, inject: changesLanes(apisOf, newApi) },
  'clock of a worker steps': { durationMs: A_WHILE, inject: clockSteps(workersOf) },
  'clock of an API steps': { durationMs: A_WHILE, inject: clockSteps(apisOf) },
  'connections of callers reset': {
    durationMs: AT_ONCE,
    inject: async ({ apis }) => {
      for (const { link } of apis) link.reset();
      return nothing;
    },
  },
  'Redis restarted': { durationMs: A_WHILE, inject: redisEnds() },
  'Redis killed': { durationMs: A_WHILE, inject: redisEnds(0) },
  'Redis loses all data': { durationMs: AT_ONCE, inject: redisCommand('FLUSHALL'), losesWrites: true },
  'Redis fails over': { durationMs: AT_ONCE, inject: redisFailsOver, losesWrites: true },
  'Redis drops connections': {
    durationMs: AT_ONCE,
    inject: redisCommand('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  },
  'Redis drops listeners': { durationMs: AT_ONCE, inject: redisCommand('CLIENT', 'KILL', 'TYPE', 'pubsub') },
  'Redis paused': {
    durationMs: AT_ONCE,
    // The command itself is answered at once; the healing waits for the end of the pause.
    inject: async ({ stores }, random) => {
      await stores.redis.call('CLIENT', 'PAUSE', random.int(500, 4_000));
      return () => stores.redis.ping();
    },
  },
  'lost between workers and Redis': { durationMs: [500, 4_000], inject: loses('workers') },
  'lost between APIs and Redis': { durationMs: [500, 4_000], inject: loses('apis') },
  'reset between workers and Redis': { durationMs: AT_ONCE, inject: resets('workers') },
  'reset between APIs and Redis': { durationMs: AT_ONCE, inject: resets('apis') },
  'primary steps down': {
    durationMs: AT_ONCE,
    inject: onCompleteSet(async ({ stores }) => {
      await stores.mongo.client.db('admin').command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 2 });
      return nothing;
    }),
  },
  'primary killed': { durationMs: A_WHILE, inject: onCompleteSet((_, primary) => memberEnds(primary, 0)) },
  'primary restarted': { durationMs: A_WHILE, inject: onCompleteSet((_, primary) => memberEnds(primary)) },
  'primary suspended': { durationMs: [1_000, 5_000], inject: onCompleteSet(async (_, primary) => stopped([primary])) },
  'secondary killed': {
    durationMs: A_WHILE,
    inject: onCompleteSet((stack, primary, random) => memberEnds(random.pick(secondariesOf(stack, primary)), 0)),
  },
  'no majority': {
    durationMs: [500, 3_000],
    inject: onCompleteSet(async (stack, primary) => stopped(secondariesOf(stack, primary))),
  },
  'connections break in commits': {
    durationMs: [500, 1_000],
    inject: onCompleteSet(async ({ stores: { mongo } }) => {
      await setFailPoint(mongo.client, { commands: ['commitTransaction'], times: 2, data: { closeConnection: true } });
      return () => clearFailPoint(mongo.client);
    }),
  },
} as const satisfies Record<string, Fault>;
export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

const familyOf = (name: string): 'processes' | 'Redis' | 'MongoDB' => {
  if (/^(worker|API|clock|connections of callers)/.test(name)) return 'processes';
  return /Redis/.test(name) ? 'Redis' : 'MongoDB';
};

/** The family of each fault: two faults of one family are not injected at once. */
export const FAMILIES = Object.fromEntries(FAULT_NAMES.map((name) => [name, familyOf(name)])) as Record<
  FaultName,
  ReturnType<typeof familyOf>
>;
