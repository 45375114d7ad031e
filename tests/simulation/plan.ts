import { JOB_DEADLINE_SECONDS } from '@flashclaim/core';
import type { Operation } from './callers.ts';
import type { Random } from './random.ts';
import { WallClock } from './wall-clock.ts';

const BREAKS = [
  'api crash',
  'worker crash',
  'redis outage',
  'redis loses all',
  'redis loses a job',
  'redis failover',
  'mongo outage',
  'failover',
  'answer connection lost',
  'clock set',
  'no workers',
  'no processes',
] as const;

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

export interface Break {
  what: (typeof BREAKS)[number];
  atMs: number;
  forMs: number;
}

/** Everything that a seed decides before the run. */
export interface Plan {
  /** The lane counts of starting processes: one value, or several. */
  lanes: readonly number[];
  apis: number;
  workers: number;
  /** Jobs of one lane that a worker process runs at the same time; more than one if it has opened the lane again. */
  runnersOfLane: number;
  /** Whether workers set the global concurrency of a lane to one. */
  isExclusive: boolean;
  /** Probability that a job runs twice at the same time. */
  doubleRuns: number;
  /** Finished jobs that Redis keeps for each lane. */
  jobsKeptMax: number;
  /** Probability that a single step fails. */
  faultRate: number;
  /** Probability that a message takes long, while faults happen. */
  slowRate: number;
  /** Longest time until a majority of MongoDB's members has a write. */
  replicationMaxMs: number;
  /** When all processes are back and all callers poll, at about the time when the first jobs expire; undefined in most runs. */
  backAtMs: number | undefined;
  /** With `atMs`, created during the sale: earlier callers get `coupon_not_found`. */
  coupons: { name: string; amount: number; atMs?: number }[];
  /** Largest error of a machine's clock. */
  clockErrorMaxMs: number;
  operations: Operation[];
  releases: PlannedRelease[];
  changes: PlannedChange[];
  lists: PlannedList[];
  /** Where there are any, callers also read a coupon just after a claim of it was answered. */
  reads: PlannedRead[];
  breaks: Break[];
}

/** Somebody reads all pages of the claims of a coupon. */
export interface PlannedList {
  coupon: string;
  atMs: number;
  only: 'claimed' | 'released' | undefined;
  limit: number;
}

/** Somebody reads a coupon. */
export interface PlannedRead {
  coupon: string;
  atMs: number;
}

/** Somebody releases a claim that was answered by then. */
export interface PlannedRelease {
  atMs: number;
  /** How many callers release it at about the same time. */
  callers: number;
  attemptsMax: number;
  /** Whether its user claims again once it is released; with `key` under the same key. */
  claimsAgain: 'no' | 'new' | 'key';
}

/** A change of a coupon's settings. */
export interface PlannedChange {
  coupon: string;
  atMs: number;
  /** `startsInMs` and `endsInMs` count from the time of the change; null removes the limit. */
  amount?: number;
  paused?: boolean;
  startsInMs?: number | null;
  endsInMs?: number | null;
  /** Whether it expects the version that the last answer had. */
  isGuarded: boolean;
  attemptsMax: number;
}

/** Longest time until a slow majority has a write. */
const SLOW_MAJORITY_MS = 1_500;

/** Single steps fail for at least this time. */
export const BREAKING_MS = 2_500;

/** Long enough that a job of a killed worker runs again before its coupon is created. */
const LATEST_COUPON_MS = 4_000;

/** Largest drift of a clock, in ms per ms. */
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
    operations: Array.from({ length: random.int(3, 18) }, (_, index) =>
      operationOf(random, { coupons, users, spreadMs, index }),
    ),
    releases: random.chance(0.5) ? Array.from({ length: random.int(1, 5) }, () => releaseOf(random, spreadMs)) : [],
    changes: random.chance(0.5)
      ? Array.from({ length: random.int(1, 4) }, () => changeOf(random, random.pick(coupons).name, spreadMs))
      : [],
    lists: random.chance(0.3)
      ? Array.from({ length: random.int(1, 3) }, () => ({
          coupon: random.pick(coupons).name,
          atMs: random.int(0, spreadMs + AFTER_CLAIMS_MS),
          only: random.pick([undefined, undefined, 'claimed', 'released'] as const),
          limit: random.int(1, 3),
        }))
      : [],
    breaks: [
      ...Array.from({ length: random.int(0, 4) }, () => breakOf(random, spreadMs)),
      // An election loses many writes only if the majority is slow.
      ...(isSlowMajority
        ? [{ what: 'failover' as const, atMs: random.int(0, spreadMs + SLOW_MAJORITY_MS), forMs: 20 }]
        : []),
    ],
    reads: random.chance(0.3)
      ? Array.from({ length: random.int(1, 30) }, () => ({
          coupon: random.pick(coupons).name,
          atMs: random.int(0, spreadMs + AFTER_CLAIMS_MS),
        }))
      : [],
  };
};

/** Most of them after the first claims are answered. */
const AFTER_CLAIMS_MS = 1_000;

const releaseOf = (random: Random, spreadMs: number): PlannedRelease => ({
  atMs: random.int(0, spreadMs + AFTER_CLAIMS_MS),
  callers: random.pick([1, 1, 1, 2, 3]),
  attemptsMax: random.int(1, 3),
  claimsAgain: random.pick(['no', 'new', 'new', 'key']),
});

const changeOf = (random: Random, coupon: string, spreadMs: number): PlannedChange => ({
  coupon,
  atMs: random.int(0, spreadMs + AFTER_CLAIMS_MS),
  isGuarded: random.chance(0.3),
  attemptsMax: random.int(1, 3),
  ...random.pick([
    () => ({ amount: random.int(1, 8) }),
    () => ({ amount: random.int(1, 8) }),
    () => ({ paused: random.chance(0.6) }),
    () => ({ paused: false, startsInMs: null, endsInMs: null }),
    () => ({ startsInMs: random.int(-500, 1_000), endsInMs: random.pick([null, random.int(1_001, 3_000)]) }),
    () => ({ endsInMs: random.int(-500, 1_500) }),
  ])(),
});

/** The clock of a machine. */
export const clockOf = (random: Random, { clockErrorMaxMs: maxMs }: Plan): WallClock =>
  maxMs === 0 ? new WallClock() : new WallClock(random.int(-maxMs, maxMs), (random.next() * 2 - 1) * DRIFT_MAX);

const breakOf = (random: Random, spreadMs: number): Break => {
  const what = random.pick(BREAKS);
  return { what, atMs: random.int(0, spreadMs + 200), forMs: durationOf(random, what) };
};

const durationOf = (random: Random, what: Break['what']): number => {
  // Time without processes costs nothing: until jobs expire, or until their records are deleted.
  if (what === 'no processes') return random.pick([random.int(1, 20) * MINUTE_MS, random.int(90, 250) * MINUTE_MS]);
  // Without workers claims stay undecided, so every status in that time must be `pending`.
  if (what === 'no workers') return random.chance(0.003) ? 16 * MINUTE_MS : random.int(50, 12_000);
  return random.int(1, random.pick([50, 1_500]));
};

interface Setting {
  coupons: Plan['coupons'];
  users: readonly string[];
  spreadMs: number;
  index: number;
}

const operationOf = (random: Random, { coupons, users, spreadMs, index }: Setting): Operation => {
  const user = random.pick(users);
  const keyed = random.chance(0.6);
  // Sometimes a coupon that does not exist.
  const coupon = random.chance(0.02) ? 'no coupon' : random.pick(coupons).name;
  const duplicates: Operation['duplicates'] = [];
  if (random.chance(0.25)) duplicates.push({ user, coupon, afterMs: random.int(0, 20) });
  if (keyed && random.chance(0.1))
    duplicates.push({ user, coupon: random.pick(coupons).name, afterMs: random.int(0, 50) });
  if (keyed && random.chance(0.05)) duplicates.push({ user: random.pick(users), coupon, afterMs: random.int(0, 50) });
  return {
    user,
    coupon,
    key: keyed ? `key ${index + 1}` : undefined,
    waitMs: random.pick([undefined, undefined, undefined, 0, 10, 60]),
    atMs: random.int(0, spreadMs),
    attemptsMax: random.int(1, 4),
    duplicates,
  };
};
