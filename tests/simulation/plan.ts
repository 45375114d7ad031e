import type { Wish } from './callers.ts';
import type { Random } from './random.ts';

const BREAKS = [
  'api crash',
  'worker crash',
  'redis outage',
  'mongo outage',
  'redis forgets all',
  'redis forgets a job',
  'failover',
  'answers away',
  'no workers',
] as const;

/** All that a seed decides beforehand. */
export interface Plan {
  lanes: number;
  apis: number;
  workers: number;
  /** Times a job is run that throws. */
  attemptsMax: number;
  /** Finished jobs that Redis keeps for each lane. */
  jobsKeptMax: number;
  /** How likely each single step goes wrong. */
  faultRate: number;
  /** With `atMs`, created in mid-sale: who comes before is told that there is none. */
  coupons: { name: string; amount: number; atMs?: number }[];
  /** Whether Redis may forget what it had confirmed: then a job that was done may run again, and what it refused may be granted. */
  redisForgets: boolean;
  wishes: Wish[];
  breaks: { what: (typeof BREAKS)[number]; atMs: number; forMs: number }[];
}

/** For at least so long single steps go wrong. */
export const BREAKING_MS = 2_500;

/** After that a job has been run again whose worker was killed before any coupon came. */
const LATEST_COUPON_MS = 4_000;

export const planOf = (random: Random): Plan => {
  const users = Array.from({ length: random.int(2, 9) }, (_, index) => `user ${index + 1}`);
  const spreadMs = random.pick([5, 100, 1_500]);
  const redisForgets = random.chance(0.6);
  const coupons = Array.from({ length: random.int(1, 3) }, (_, index) => ({
    name: `coupon ${index + 1}`,
    amount: random.int(1, 5),
    ...(!redisForgets && random.chance(0.5) && { atMs: random.int(0, random.pick([spreadMs, LATEST_COUPON_MS])) }),
  }));
  return {
    lanes: random.int(1, 3),
    apis: random.int(1, 2),
    workers: random.int(1, 3),
    attemptsMax: random.pick([2, 600, 600, 600]),
    jobsKeptMax: random.pick([1, 3, 1_000, 1_000]),
    faultRate: random.pick([0, 0.01, 0.03, 0.1]),
    ...{ coupons, redisForgets },
    wishes: Array.from({ length: random.int(3, 18) }, (_, index) =>
      wishOf(random, { coupons, users, spreadMs, index }),
    ),
    breaks: Array.from({ length: random.int(0, 4) }, () => breakOf(random, spreadMs)),
  };
};

const breakOf = (random: Random, spreadMs: number): Plan['breaks'][number] => {
  const what = random.pick(BREAKS);
  const atMs = random.int(0, spreadMs + 200);
  // Without workers claims stay undecided: long enough that all that is said of them meanwhile has to be right.
  return {
    what,
    atMs,
    forMs: what === 'no workers' ? random.int(50, 12_000) : random.int(1, random.pick([50, 1_500])),
  };
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
