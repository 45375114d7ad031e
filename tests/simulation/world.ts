import { UnknownToModel } from './matches.ts';
import type { Plant } from './plants.ts';
import type { Random } from './random.ts';
import type { Machine } from './wall-clock.ts';

/** What is counted, to show that faults really happened. */
const MET = [
  'claims',
  'granted',
  'refused',
  'pending',
  'timed out',
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
  'workers stood still',
  'forgotten jobs',
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
  'transactions decided anew',
] as const;
export type Met = Record<(typeof MET)[number], number>;

export const newMet = (): Met => Object.fromEntries(MET.map((what) => [what, 0])) as Met;

/** What all parts of one run share. */
export interface World {
  random: Random;
  met: Met;
  plants: ReadonlySet<Plant>;
  /** The true time, in ms since the run began. */
  nowMs: () => number;
  /** How likely a message takes long, while things go wrong. */
  slowRate: number;
  /** How long it takes at most until a majority has a write. */
  replicationMaxMs: number;
  /** What the model itself did wrong: that ends the run. */
  defect?: Error;
  /** How likely a single step goes wrong; 0 once the faults are over. */
  faultRate: number;
  /** Notes what happens, where somebody wants to read it. */
  trace: (line: () => string) => void;
}

/** A process that may be killed: from then on, nothing reaches it any more. */
export interface Process extends Machine {
  name: string;
  dead: boolean;
}

/** Whoever sends a message. */
type Sender = Pick<Process, 'dead'>;

export const faulty = (world: World): boolean => world.faultRate > 0 && world.random.chance(world.faultRate);

/** The longest that a message travels. */
const TRAVEL_MAX_MS = 4_000;

/** How long a message travels, in ms: mostly no time at all, seldom long. */
const travelMs = ({ random, faultRate, slowRate }: World): number => {
  if (faultRate > 0 && random.chance(slowRate)) return random.int(50, TRAVEL_MAX_MS);
  return random.chance(0.3) ? random.int(1, 6) : 0;
};

/** When the last message arrives of those that may not overtake each other. */
export interface Line {
  arrivesAt: number;
}

/** Has something happen once a message has arrived, if its sender has not died before it was out. */
export const travel = (world: World, from: Sender, arrive: () => void, line?: Line): void => {
  const now = world.nowMs();
  const at = Math.max(now + travelMs(world), line?.arrivesAt ?? 0);
  if (line) line.arrivesAt = at;
  setTimeout(() => {
    // What a killed process had sent may still arrive.
    if (!from.dead || world.random.chance(0.5)) arrive();
  }, at - now);
};

/** An error that no store ever sends. */
const isDefect = (error: unknown): error is Error =>
  error instanceof UnknownToModel || error instanceof TypeError || error instanceof RangeError;

/** Notes an error that the model must not make. */
export const defectOf = <T>(world: World, error: T): T => {
  if (isDefect(error)) world.defect ??= error;
  return error;
};

/** A question of a process to a store, and its answer: what `effect` returns, or throws. A dead process hears nothing. */
export const ask = <T>(world: World, from: Sender, effect: () => T | Promise<T>, line?: Line): Promise<T> =>
  new Promise((resolve, reject) => {
    if (from.dead) return;
    const reply = (tell: () => void) =>
      setTimeout(
        () => {
          if (!from.dead) tell();
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
    travel(world, from, arrive, line);
  });

/** The same for a question that only asks whether the store is there: it is answered as it arrives, half the steps. */
export const askWhether = <T>(world: World, from: Sender, effect: () => T): Promise<T> =>
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
