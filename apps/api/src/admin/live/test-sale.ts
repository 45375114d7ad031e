import { fork } from 'node:child_process';
import { on } from 'node:events';
import { fileURLToPath } from 'node:url';
import { AmountSchema } from '@flashclaim/core';
import type { UserLoad, UserProgress } from '@flashclaim/load/claim-as-users';
import type { Mongo } from '@flashclaim/store';
import { type Static, Type } from '@sinclair/typebox';
import { ObjectId } from 'mongodb';
import { createCoupon } from '../../coupons/create-coupon.ts';
import { countClaims, isExact } from './compare-coupons.ts';

const USERS_SCRIPT = fileURLToPath(import.meta.resolve('@flashclaim/load/claim-as-users'));

/** Users of a test sale: some seconds of work. */
const TEST_SALE_USERS_MAX = 5_000;

/** Units of a test sale. */
const TEST_SALE_UNITS_MAX = 5_000;

/** Attempts of each user. */
const TEST_SALE_ATTEMPTS_MAX = 3;

/** Claims of a test sale in flight. */
const TEST_SALE_CALLERS_MAX = 128;

/** How often a test sale reports its progress. */
const TEST_SALE_REPORT_EVERY_MS = 100;

export const TestSaleSchema = Type.Object(
  {
    users: Type.Integer({ minimum: 1, maximum: TEST_SALE_USERS_MAX }),
    units: Type.Integer({ minimum: AmountSchema.minimum ?? 1, maximum: TEST_SALE_UNITS_MAX }),
    /** How often each user claims, one claim after the other. */
    attempts: Type.Integer({ minimum: 1, maximum: TEST_SALE_ATTEMPTS_MAX }),
  },
  { additionalProperties: false },
);
type TestSale = Static<typeof TestSaleSchema>;

/** Claims by the code of their answer; `claimed` for 200. */
type Counts = Record<string, number>;

/** A line of a test sale's output. In this order: one start, some progress, one end. */
export type TestSaleLine =
  | { coupon: string; total: number }
  | { done: number; counts: Counts }
  | {
      done: number;
      counts: Counts;
      expected: Counts;
      /** From MongoDB, after the sale. */
      remaining: number;
      claims: number;
      seconds: number;
      asExpected: boolean;
      /** Whether it was stopped early. */
      stopped: boolean;
    };

export interface TestSaleOptions {
  sale: TestSale;
  /** Of this API: the claims arrive like those of any caller. */
  baseUrl: string;
  claimPath: string;
  /** Sent with each claim; undefined where everybody may claim. */
  claimKey: string | undefined;
  mongo: Mongo;
  /** Ends it early. */
  signal: AbortSignal;
}

/** The answers to expect: a user with a unit gets `already_claimed` from then on, and all others `out_of_stock`. */
const expect = ({ users, units, attempts }: TestSale): Counts => {
  const winners = Math.min(users, units);
  const counts = {
    claimed: winners,
    already_claimed: winners * (attempts - 1),
    out_of_stock: (users - winners) * attempts,
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
};

/** Runs a sale against this API: creates a coupon, and every user claims it. Stops where the caller reads no more. */
export async function* runTestSale({ sale, mongo, signal, ...target }: TestSaleOptions): AsyncGenerator<TestSaleLine> {
  // biome-ignore lint/plugin/wall-clock: a stamp: the name of the coupon.
  const name = `test sale ${new Date().toISOString().replace('T', ' ').slice(0, 23)}`;
  const startedAt = performance.now();
  const coupon = await createCoupon(mongo, { name, amount: sale.units });
  if (!coupon) throw new Error(`${name} exists already`);
  yield { coupon: name, total: sale.users * sale.attempts };

  let progress: UserProgress = { done: 0, counts: {}, isEnd: false };
  for await (progress of claimAsUsers({ sale, signal, ...target, coupon: name })) yield progress;
  const { done, counts, isEnd } = progress;
  const expected = expect(sale);
  const [counted] = await countClaims(mongo, [new ObjectId(coupon.id)]);
  if (!counted) throw new Error(`${name} was removed`);
  const { claims, remaining } = counted;
  const isSame = Object.keys({ ...counts, ...expected }).every((code) => counts[code] === expected[code]);
  const asExpected = isSame && claims === (expected['claimed'] ?? 0) && isExact(counted);
  const seconds = (performance.now() - startedAt) / 1_000;
  yield { done, counts, expected, remaining, claims, seconds, asExpected, stopped: !isEnd };
}

/**
 * Runs the users in a process of their own, so that they take no time of this one, and what they measure is what a caller
 * measures. Ends where they have all their answers, or where the process is stopped.
 */
async function* claimAsUsers(
  options: Omit<TestSaleOptions, 'mongo'> & { coupon: string },
): AsyncGenerator<UserProgress> {
  const { sale, baseUrl, claimPath, claimKey, coupon, signal } = options;
  const child = fork(USERS_SCRIPT, { env: {}, execArgv: [] });
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop);
  try {
    const messages = on(child, 'message', { close: ['disconnect'] });
    const load: UserLoad = {
      url: `${baseUrl}${claimPath}`,
      headers: claimKey === undefined ? {} : { authorization: `Bearer ${claimKey}` },
      couponName: coupon,
      users: sale.users,
      attempts: sale.attempts,
      callers: TEST_SALE_CALLERS_MAX,
      reportEveryMs: TEST_SALE_REPORT_EVERY_MS,
    };
    if (signal.aborted) return;
    // By a message, because the arguments of a process are visible to others.
    child.send(load);
    for await (const [progress] of messages) yield progress as UserProgress;
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
