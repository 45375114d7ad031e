import { setTimeout as sleep } from 'node:timers/promises';
import { AmountSchema } from '@flashclaim/core';
import type { Mongo } from '@flashclaim/store';
import { type Static, Type } from '@sinclair/typebox';
import { createCoupon } from '../../coupons/create-coupon.ts';

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
export async function* runTestSale(options: TestSaleOptions): AsyncGenerator<TestSaleLine> {
  const { sale, mongo } = options;
  // biome-ignore lint/plugin/wall-clock: a stamp: the name of the coupon.
  const coupon = `test sale ${new Date().toISOString().replace('T', ' ').slice(0, 23)}`;
  const startedAt = performance.now();
  if (!(await createCoupon(mongo, { name: coupon, amount: sale.units }))) throw new Error(`${coupon} exists already`);
  yield { coupon, total: sale.users * sale.attempts };

  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const users = new TestUsers({ ...options, coupon, signal });
  try {
    const all = users.run();
    while (!(await Promise.race([all.then(() => true), sleep(TEST_SALE_REPORT_EVERY_MS, false)]))) yield users.progress;
    const { done, counts } = users.progress;
    const expected = expect(sale);
    const stored = await mongo.coupons.findOne({ name: coupon });
    const claims = await mongo.claims.countDocuments({ coupon_id: stored?._id as never, ordinal: 1 });
    const remaining = stored?.remaining_amount ?? 0;
    const isSame = Object.keys({ ...counts, ...expected }).every((code) => counts[code] === expected[code]);
    const asExpected = isSame && claims === (expected['claimed'] ?? 0) && remaining === sale.units - claims;
    const seconds = (performance.now() - startedAt) / 1_000;
    yield { done, counts, expected, remaining, claims, seconds, asExpected, stopped: options.signal.aborted };
  } finally {
    ended.abort();
  }
}

/** The users of a test sale. A fixed number of them claim at the same time, and each sends one claim after the other. */
class TestUsers {
  readonly #options: TestSaleOptions & { coupon: string };
  readonly #counts: Counts = {};
  #done = 0;
  #nextUser = 1;

  constructor(options: TestSaleOptions & { coupon: string }) {
    this.#options = options;
  }

  get progress() {
    return { done: this.#done, counts: { ...this.#counts } };
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: TEST_SALE_CALLERS_MAX }, () => this.#call()));
  }

  async #call(): Promise<void> {
    const { sale, signal } = this.#options;
    while (this.#nextUser <= sale.users) {
      const user = this.#nextUser++;
      for (let attempt = 0; attempt < sale.attempts; attempt++) {
        if (signal.aborted) return;
        const code = await this.#claim(`test-user-${user}`).catch(() => 'no_answer');
        this.#counts[code] = (this.#counts[code] ?? 0) + 1;
        this.#done++;
      }
    }
  }

  async #claim(user_id: string): Promise<string> {
    const { baseUrl, claimPath, claimKey, coupon } = this.#options;
    const response = await fetch(`${baseUrl}${claimPath}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(claimKey && { authorization: `Bearer ${claimKey}` }) },
      body: JSON.stringify({ user_id, coupon_name: coupon }),
    });
    const { code } = (await response.json()) as { code?: string };
    return response.status === 200 ? 'claimed' : (code ?? String(response.status));
  }
}
