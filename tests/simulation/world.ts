import type { Random } from './random.ts';

/** What is counted, to show that faults really happened. */
const MET = [
  'claims',
  'granted',
  'refused',
  'pending',
  'api crashes',
  'worker crashes',
  'lost answers',
  'duplicate answers',
  'duplicate deliveries',
  'lost locks',
  'workers stood still',
  'forgotten jobs',
  'failed jobs',
  'lost with Redis',
  'removed jobs',
  'renewed notes',
  'late decisions',
  'late coupons',
  'outages',
  'failovers',
  'conflicts',
  'transient errors',
  'unknown commits',
  'transactions decided anew',
] as const;
export type Met = Record<(typeof MET)[number], number>;

export const newMet = (): Met => Object.fromEntries(MET.map((what) => [what, 0])) as Met;

/** Bugs that can be planted around the code of the claim path, and what each is. Every one must be found. */
export const PLANTS = {
  'holders unseen': 'no unique index on user and coupon, and a transaction sees nobody who holds a unit',
  'ids unseen': 'a transaction does not see which claim ids stand',
  'no guard': 'units are taken without looking whether they are there',
  'commit unchecked': 'callers are answered before the commit',
  'unknown is success': 'a commit that failed or whose result is unknown passes for one that went through',
  'requests renamed': 'each run of a job names other requests: a second run looks like a repeated request',
  'result of another': 'a lane keeps the result of another job with a job',
  'forgotten looks active': 'a job that Redis forgot seems to be on its way',
  'notes not renewed': 'what was noted of a pending claim is not noted again after Redis forgot it',
  'refused before completion':
    'callers are refused before the completion of their job is recorded, which may run again and grant',
  'lost jobs granted': 'a run that has lost its job grants all the same',
  'owed notes forgotten': 'a pending claim that could not be noted is not noted later',
  'late decisions unnoted': 'nobody notes what became of a claim whose caller was told `pending`',
} as const;
export type Plant = keyof typeof PLANTS;

/** What all parts of one run share. */
export interface World {
  random: Random;
  met: Met;
  plants: ReadonlySet<Plant>;
  /** How likely a single step goes wrong; 0 once the faults are over. */
  faultRate: number;
  /** Notes what happens, where somebody wants to read it. */
  trace: (line: () => string) => void;
}

/** A process that may be killed: from then on, nothing reaches it any more. */
export interface Process {
  name: string;
  dead: boolean;
}

export const faulty = (world: World): boolean => world.faultRate > 0 && world.random.chance(world.faultRate);

/** The longest that a message travels. */
export const TRAVEL_MAX_MS = 4_000;

/** How long a message travels, in ms: mostly no time at all, seldom long. */
const travelMs = ({ random, faultRate }: World): number => {
  if (faultRate > 0 && random.chance(0.003)) return random.int(50, TRAVEL_MAX_MS);
  return random.chance(0.3) ? random.int(1, 6) : 0;
};

/** When the last message arrives of those that may not overtake each other. */
export interface Line {
  arrivesAt: number;
}

/** Has something happen once a message has arrived, if its sender has not died before it was out. */
export const travel = (world: World, from: Process, arrive: () => void, line?: Line): void => {
  const now = performance.now();
  const at = Math.max(now + travelMs(world), line?.arrivesAt ?? 0);
  if (line) line.arrivesAt = at;
  setTimeout(() => {
    // What a killed process had sent may still arrive.
    if (!from.dead || world.random.chance(0.5)) arrive();
  }, at - now);
};

/** A question of a process to a store, and its answer: what `effect` returns, or throws. A dead process hears nothing. */
export const ask = <T>(world: World, from: Process, effect: () => T | Promise<T>, line?: Line): Promise<T> =>
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
            (error: unknown) => reply(() => reject(error)),
          );
        else reply(() => resolve(effected));
      } catch (error) {
        reply(() => reject(error));
      }
    };
    travel(world, from, arrive, line);
  });
