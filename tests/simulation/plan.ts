import { JOB_DEADLINE_SECONDS } from '@flashclaim/core';
import type { Wish } from './callers.ts';
import type { Random } from './random.ts';
import { WallClock } from './wall-clock.ts';

const BREAKS = [
  'api crash',
  'worker crash',
  'redis outage',
  'redis forgets all',
  'redis forgets a job',
  'redis failover',
  'mongo outage',
  'failover',
  'answers away',
  'clock set',
  'no workers',
  'nobody there',
] as const;

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

export interface Break {
  what: (typeof BREAKS)[number];
  atMs: number;
  forMs: number;
}

/** All that a seed decides beforehand. */
export interface Plan {
  /** The lane counts that processes start with: one, or different ones. */
  lanes: readonly number[];
  apis: number;
  workers: number;
  /** Jobs of one lane that a worker process runs at once; more than one where it has opened the lane anew. */
  runnersOfLane: number;
  /** Whether anybody sees to it that one job of a lane runs at a time. */
  isExclusive: boolean;
  /** How likely a job runs twice at the same time. */
  doubleRuns: number;
  /** Finished jobs that Redis keeps for each lane. */
  jobsKeptMax: number;
  /** How likely each single step goes wrong. */
  faultRate: number;
  /** How likely a message takes long, while things go wrong. */
  slowRate: number;
  /** How long it takes at most until a majority of MongoDB's members has a write. */
  replicationMaxMs: number;
  /** When all come back and ask, about when the first jobs expire; undefined where nobody waits for that. */
  backAtMs: number | undefined;
  /** With `atMs`, created during the sale: callers who come before are told that there is none. */
  coupons: { name: string; amount: number; atMs?: number }[];
  /** How far the clocks of machines are off, at most. */
  clockErrorMaxMs: number;
  wishes: Wish[];
  breaks: Break[];
}

/** How long writes may wait for a majority that is slow. */
const SLOW_MAJORITY_MS = 1_500;

/** For at least so long single steps go wrong. */
export const BREAKING_MS = 2_500;

/** After that a job has been run again whose worker was killed before any coupon came. */
const LATEST_COUPON_MS = 4_000;

/** Milliseconds that a clock gains or loses in each, at most. */
const DRIFT_MAX = 0.001;

export const planOf = (random: Random): Plan => {
  const users = Array.from({ length: random.int(2, 9) }, (_, index) => `user ${index + 1}`);
  const spreadMs = random.pick([5, 100, 1_500]);
  const coupons = Array.from({ length: random.int(1, 3) }, (_, index) => ({
    name: `coupon ${index + 1}`,
    amount: random.int(1, 5),
    ...(random.chance(0.3) && { atMs: random.int(0, random.pick([spreadMs, LATEST_COUPON_MS])) }),
  }));
  const isSlowMajority = random.chance(0.25);
  return {
    lanes: random.chance(0.5) ? [random.int(1, 3)] : [1, 2, 3],
    apis: random.int(1, 2),
    workers: random.int(1, 3),
    runnersOfLane: random.chance(0.1) ? 2 : 1,
    isExclusive: random.chance(0.8),
    doubleRuns: random.pick([0, 0, 0, 0.2]),
    jobsKeptMax: random.pick([0, 0, 1, 1_000]),
    faultRate: random.pick([0, 0.01, 0.03, 0.1]),
    slowRate: random.pick([0.003, 0.003, 0.003, 0.05]),
    replicationMaxMs: isSlowMajority ? SLOW_MAJORITY_MS : 10,
    backAtMs: random.chance(0.05) ? JOB_DEADLINE_SECONDS * SECOND_MS + random.int(-1_000, 2_000) : undefined,
    coupons,
    clockErrorMaxMs: random.pick([0, 2 * SECOND_MS, 10 * MINUTE_MS, 2 * HOUR_MS]),
    wishes: Array.from({ length: random.int(3, 18) }, (_, index) =>
      wishOf(random, { coupons, users, spreadMs, index }),
    ),
    breaks: [
      ...Array.from({ length: random.int(0, 4) }, () => breakOf(random, spreadMs)),
      // Only then does an election lose much.
      ...(isSlowMajority
        ? [{ what: 'failover' as const, atMs: random.int(0, spreadMs + SLOW_MAJORITY_MS), forMs: 20 }]
        : []),
    ],
  };
};

/** The clock of a machine. */
export const clockOf = (random: Random, { clockErrorMaxMs: maxMs }: Plan): WallClock =>
  maxMs === 0 ? new WallClock() : new WallClock(random.int(-maxMs, maxMs), (random.next() * 2 - 1) * DRIFT_MAX);

const breakOf = (random: Random, spreadMs: number): Break => {
  const what = random.pick(BREAKS);
  return { what, atMs: random.int(0, spreadMs + 200), forMs: durationOf(random, what) };
};

const durationOf = (random: Random, what: Break['what']): number => {
  // Time without any process costs nothing: until jobs have expired, and until their records are gone.
  if (what === 'nobody there') return random.pick([random.int(1, 20) * MINUTE_MS, random.int(90, 250) * MINUTE_MS]);
  // Without workers claims stay undecided: long enough that all that is said of them meanwhile has to be right.
  if (what === 'no workers') return random.chance(0.003) ? 16 * MINUTE_MS : random.int(50, 12_000);
  return random.int(1, random.pick([50, 1_500]));
};

interface Among {
  coupons: Plan['coupons'];
  users: readonly string[];
  spreadMs: number;
  index: number;
}

const wishOf = (random: Random, { coupons, users, spreadMs, index }: Among): Wish => {
  const user = random.pick(users);
  const keyed = random.chance(0.6);
  const twins: Wish['twins'] = [];
  if (random.chance(0.25)) twins.push({ user, afterMs: random.int(0, 20) });
  if (keyed && random.chance(0.1)) twins.push({ user: random.pick(users), afterMs: random.int(0, 50) });
  return {
    user,
    // A name that no coupon has, now and then.
    coupon: random.chance(0.02) ? 'no coupon' : random.pick(coupons).name,
    key: keyed ? `key ${index + 1}` : undefined,
    waitMs: random.pick([undefined, undefined, undefined, 0, 10, 60]),
    atMs: random.int(0, spreadMs),
    triesMax: random.int(1, 4),
    twins,
  };
};
