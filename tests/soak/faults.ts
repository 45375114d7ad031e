import { setTimeout as sleep } from 'node:timers/promises';
import { GRACE_MARGIN_MS, graceMs } from '@flashclaim/core';
import type { ServerHandle } from '@flashclaim/local-stack';
import type { Random } from '../simulation/random.ts';
import { clearFailPoint, setFailPoint } from '../support/fail-point.ts';
import { until } from '../support/until.ts';
import { type ApiSeat, isWhole, primaryOf, type Seat, type Stack, WAIT_MS } from './stack.ts';

/** Something that breaks, and is whole again. */
export interface Fault {
  /** Between breaking and mending, at least and at most. */
  awayMs: readonly [number, number];
  /** Resolves to what mends it. */
  strike: (stack: Stack, random: Random) => Promise<() => Promise<unknown>>;
  /** Redis loses jobs. */
  losesWrites?: boolean;
}

const nothing = async () => {};

const AT_ONCE = [0, 0] as const;
const A_WHILE = [200, 4_000] as const;

/** What a deployment may set for CLAIM_LANES. */
export const LANES = [4, 8, 16] as const;

const CLOCK_OFFSET_MAX_MS = 600_000;

/** For so long a replica misses what its primary confirms. */
const LOST_WRITES_MAX_MS = 500;

const mortal = <S extends Seat>(seats: readonly S[], random: Random): S =>
  random.pick(seats.filter((seat) => !seat.elder));

/** A process ends, and after a while another takes its seat. `end` resolves to when that may be. */
const ends =
  <S extends Seat>(seatsOf: (stack: Stack) => S[], end: Ends, start: Starts<S>): Fault['strike'] =>
  async (stack, random) => {
    const seats = seatsOf(stack);
    const seat = mortal(seats, random);
    const ended = end(stack, seat);
    return async () => {
      await ended;
      // Who starts connects once, and ends where nobody is there.
      await until(() => isWhole(stack));
      seats[seats.indexOf(seat)] = await start(stack, seat);
    };
  };
type Ends = (stack: Stack, seat: Seat) => Promise<unknown> | undefined;
type Starts<S> = (stack: Stack, before: S, env?: NodeJS.ProcessEnv) => Promise<S>;

const workersOf = ({ workers }: Stack) => workers;
const apisOf = ({ apis }: Stack) => apis;
const newWorker: Starts<Seat> = (stack, { name }, env) => stack.startWorker(name, env);
const newApi: Starts<ApiSeat> = async (stack, { name, link }, env) => {
  await link.close();
  return stack.startApi(name, env);
};

const killed: Ends = (_, { handle }) => handle.stop(0);
const leaves = (stack: Stack, { name, handle }: Seat) => {
  const gone = handle.stop(graceMs(WAIT_MS) + GRACE_MARGIN_MS);
  stack.leaving.push({ name, gone });
  return gone;
};
/** Another starts although it may still be there: its lanes must not wait for it. */
const workerLeaves: Ends = (stack, seat) => {
  leaves(stack, seat);
  return undefined;
};

/** A process is stopped, and the one that takes its seat has another number of lanes. */
const changesLanes =
  <S extends Seat>(seatsOf: (stack: Stack) => S[], start: Starts<S>): Fault['strike'] =>
  (stack, random) => {
    const env = { CLAIM_LANES: `${random.pick(LANES)}` };
    return ends(seatsOf, leaves, (all, before) => start(all, before, env))(stack, random);
  };

/** The wall clock of a process steps, and after a while to another time. */
const clockSteps =
  (seatsOf: (stack: Stack) => readonly Seat[]): Fault['strike'] =>
  async (stack, random) => {
    const { clock } = random.pick(seatsOf(stack));
    const step = () => clock.stepTo(random.int(-CLOCK_OFFSET_MAX_MS, CLOCK_OFFSET_MAX_MS));
    await step();
    return step;
  };

/** Stands still and goes on, the elders too. */
const standsStill =
  (seatsOf: (stack: Stack) => readonly Seat[]): Fault['strike'] =>
  async (stack, random) => {
    const { handle } = random.pick(seatsOf(stack));
    handle.kill('SIGSTOP');
    return async () => handle.kill('SIGCONT');
  };

const redisSays =
  (...[command, ...args]: [string, ...(string | number)[]]): Fault['strike'] =>
  async ({ stores }) => {
    await stores.redis.call(command, ...args);
    return nothing;
  };

const redisEnds =
  (graceMs?: number): Fault['strike'] =>
  async ({ redisServers: { primary } }) => {
    await primary.stop(graceMs);
    return () => primary.start();
  };

/** The primary's last writes are acknowledged and lost. */
const redisFailsOver: Fault['strike'] = async ({ redisServers }, random) => {
  await redisServers.replicated();
  redisServers.cutReplication();
  await sleep(random.int(0, LOST_WRITES_MAX_MS));
  await redisServers.failOver();
  return nothing;
};

/** The set is whole before anything breaks it: otherwise two faults would be none that it promises to get over. */
const onSet =
  (strike: (stack: Stack, primary: ServerHandle, random: Random) => Promise<() => Promise<unknown>>): Fault['strike'] =>
  async (stack, random) => {
    await until(() => isWhole(stack));
    return strike(stack, await primaryOf(stack), random);
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
  (side: keyof Stack['redisLinks']): Fault['strike'] =>
  async ({ redisLinks }) => {
    const link = redisLinks[side];
    link.lose('everything');
    return async () => {
      link.lose('nothing');
      // Bytes are missing from every connection: none of them may go on.
      link.reset();
    };
  };

const resets =
  (side: keyof Stack['redisLinks']): Fault['strike'] =>
  async ({ redisLinks }) => {
    redisLinks[side].reset();
    return nothing;
  };

/** All that can break, by name. */
export const FAULTS = {
  'worker killed': { awayMs: A_WHILE, strike: ends(workersOf, killed, newWorker) },
  'worker told to stop': { awayMs: A_WHILE, strike: ends(workersOf, workerLeaves, newWorker) },
  'worker stands still': { awayMs: [500, 6_000], strike: standsStill(workersOf) },
  'API killed': { awayMs: A_WHILE, strike: ends(apisOf, killed, newApi) },
  'API told to stop': { awayMs: A_WHILE, strike: ends(apisOf, leaves, newApi) },
  'API stands still': { awayMs: [500, 4_000], strike: standsStill(apisOf) },
  'worker with another number of lanes': { awayMs: A_WHILE, strike: changesLanes(workersOf, newWorker) },
  'API with another number of lanes': { awayMs: A_WHILE, strike: changesLanes(apisOf, newApi) },
  'clock of a worker steps': { awayMs: A_WHILE, strike: clockSteps(workersOf) },
  'clock of an API steps': { awayMs: A_WHILE, strike: clockSteps(apisOf) },
  'connections of callers reset': {
    awayMs: AT_ONCE,
    strike: async ({ apis }) => {
      for (const { link } of apis) link.reset();
      return nothing;
    },
  },
  'Redis restarted': { awayMs: A_WHILE, strike: redisEnds() },
  'Redis killed': { awayMs: A_WHILE, strike: redisEnds(0) },
  'Redis forgets everything': { awayMs: AT_ONCE, strike: redisSays('FLUSHALL'), losesWrites: true },
  'Redis fails over': { awayMs: AT_ONCE, strike: redisFailsOver, losesWrites: true },
  'Redis drops connections': {
    awayMs: AT_ONCE,
    strike: redisSays('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  },
  'Redis drops listeners': { awayMs: AT_ONCE, strike: redisSays('CLIENT', 'KILL', 'TYPE', 'pubsub') },
  'Redis answers nobody': {
    awayMs: AT_ONCE,
    // Answered at once itself; the mend ends when it is over.
    strike: async ({ stores }, random) => {
      await stores.redis.call('CLIENT', 'PAUSE', random.int(500, 4_000));
      return () => stores.redis.ping();
    },
  },
  'lost between workers and Redis': { awayMs: [500, 4_000], strike: loses('workers') },
  'lost between APIs and Redis': { awayMs: [500, 4_000], strike: loses('apis') },
  'reset between workers and Redis': { awayMs: AT_ONCE, strike: resets('workers') },
  'reset between APIs and Redis': { awayMs: AT_ONCE, strike: resets('apis') },
  'primary steps down': {
    awayMs: AT_ONCE,
    strike: onSet(async ({ stores }) => {
      await stores.mongo.client.db('admin').command({ replSetStepDown: 5, secondaryCatchUpPeriodSecs: 2 });
      return nothing;
    }),
  },
  'primary killed': { awayMs: A_WHILE, strike: onSet((_, primary) => memberEnds(primary, 0)) },
  'primary restarted': { awayMs: A_WHILE, strike: onSet((_, primary) => memberEnds(primary)) },
  'primary stands still': { awayMs: [1_000, 5_000], strike: onSet(async (_, primary) => stopped([primary])) },
  'secondary killed': {
    awayMs: A_WHILE,
    strike: onSet((stack, primary, random) => memberEnds(random.pick(secondariesOf(stack, primary)), 0)),
  },
  'no majority': {
    awayMs: [500, 3_000],
    strike: onSet(async (stack, primary) => stopped(secondariesOf(stack, primary))),
  },
  'connections break in commits': {
    awayMs: [500, 1_000],
    strike: onSet(async ({ stores: { mongo } }) => {
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

/** What each belongs to: two of one family are not broken at once. */
export const FAMILIES = Object.fromEntries(FAULT_NAMES.map((name) => [name, familyOf(name)])) as Record<
  FaultName,
  ReturnType<typeof familyOf>
>;
