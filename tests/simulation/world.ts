import { UnknownToModel } from './matches.ts';
import type { Mutation } from './mutations.ts';
import type { Random } from './random.ts';
import type { Machine } from './wall-clock.ts';

/** The events that are counted, to prove that faults really happened. */
const EVENTS = [
  'claims',
  'granted',
  'refused',
  'pending',
  'timed out',
  'released',
  'claimed again',
  'changed',
  'listed',
  'read',
  'sale not open',
  'unknown with claim id',
  'api crashes',
  'worker crashes',
  'clocks set',
  'long outages',
  'found lanes',
  'lost answers',
  'duplicate answers',
  'duplicate deliveries',
  'double runs',
  'lost locks',
  'paused workers',
  'lost jobs',
  'redis failovers',
  'removed jobs',
  'late coupons',
  'outages',
  'failovers',
  'lagging reads',
  'expired jobs',
  'expired documents',
  'conflicts',
  'transient errors',
  'unknown commits',
  'transactions retried',
] as const;
export type Coverage = Record<(typeof EVENTS)[number], number>;

export const newCoverage = (): Coverage => Object.fromEntries(EVENTS.map((what) => [what, 0])) as Coverage;

/** The state that all parts of one run share. */
export interface World {
  random: Random;
  coverage: Coverage;
  mutations: ReadonlySet<Mutation>;
  /** The true time, in ms since the start of the run. */
  nowMs: () => number;
  /** Probability that a message takes long, while faults happen. */
  slowRate: number;
  /** Longest time until a majority has a write. */
  replicationMaxMs: number;
  /** An error of the model itself, which ends the run. */
  defect?: Error;
  /** Probability that a single step fails; 0 after the faults. */
  faultRate: number;
  /** Adds a line to the trace, if there is one. */
  trace: (line: () => string) => void;
}

/** A process that may be killed. A killed process receives nothing. */
export interface Process extends Machine {
  name: string;
  dead: boolean;
}

/** The sender of a message. */
type Sender = Pick<Process, 'dead'>;

export const faulty = (world: World): boolean => world.faultRate > 0 && world.random.chance(world.faultRate);

/** Longest travel time of a message. */
const TRAVEL_MAX_MS = 4_000;

/** Draws the travel time of a message in ms: mostly 0, rarely long. */
const travelMs = ({ random, faultRate, slowRate }: World): number => {
  if (faultRate > 0 && random.chance(slowRate)) return random.int(50, TRAVEL_MAX_MS);
  return random.chance(0.3) ? random.int(1, 6) : 0;
};

/** Keeps messages in order: the time when the last one arrives. */
export interface MessageOrder {
  arrivesAt: number;
}

/** Calls `arrive` after the travel time of a message. If the sender died meanwhile, the message may be lost. */
export const travel = (world: World, from: Sender, arrive: () => void, order?: MessageOrder): void => {
  const now = world.nowMs();
  const at = Math.max(now + travelMs(world), order?.arrivesAt ?? 0);
  if (order) order.arrivesAt = at;
  setTimeout(() => {
    // A message of a killed process may still arrive.
    if (!from.dead || world.random.chance(0.5)) arrive();
  }, at - now);
};

/** Whether an error can't come from a store. */
const isDefect = (error: unknown): error is Error =>
  error instanceof UnknownToModel || error instanceof TypeError || error instanceof RangeError;

/** Records an error of the model itself, and returns the error. */
export const defectOf = <T>(world: World, error: T): T => {
  if (isDefect(error)) world.defect ??= error;
  return error;
};

/** Sends a request from a process to a store, and resolves to the result of `effect`. A killed process gets no reply. */
export const callStore = <T>(
  world: World,
  from: Sender,
  effect: () => T | Promise<T>,
  order?: MessageOrder,
): Promise<T> =>
  new Promise((resolve, reject) => {
    if (from.dead) return;
    const reply = (settle: () => void) =>
      setTimeout(
        () => {
          if (!from.dead) settle();
        },
        world.random.chance(0.5) ? 0 : travelMs(world),
      );
    const arrive = () => {
      try {
        const effected = effect();
        if (effected instanceof Promise)
          effected.then(
            (value) => reply(() => resolve(value)),
            (error: unknown) => reply(() => reject(defectOf(world, error))),
          );
        else reply(() => resolve(effected));
      } catch (error) {
        defectOf(world, error);
        reply(() => reject(error));
      }
    };
    travel(world, from, arrive, order);
  });

/** Like `callStore`, for a ping: the reply takes no time, which saves half of the steps. */
export const pingStore = <T>(world: World, from: Sender, effect: () => T): Promise<T> =>
  new Promise((resolve, reject) => {
    if (from.dead) return;
    travel(world, from, () => {
      if (from.dead) return;
      try {
        resolve(effect());
      } catch (error) {
        reject(error);
      }
    });
  });
