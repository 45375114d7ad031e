import { type CreateCall, checkHistory, type Violation } from '@flashclaim/audit';
import { createChannel } from '@flashclaim/runtime';
import { Callers } from './callers.ts';
import type { VirtualClock } from './clock.ts';
import { Fleet } from './fleet.ts';
import type { Stores } from './model-process.ts';
import { ModelRedis } from './model-redis.ts';
import { ModelStore } from './model-store.ts';
import { BREAKING_MS, type Break, type Plan, planOf } from './plan.ts';
import type { Plant } from './plants.ts';
import { Random } from './random.ts';
import { type Met, newMet, type World } from './world.ts';

/** So long after the last fault everything that was begun has ended: the longest is a lock that runs out, then a transaction. */
const SETTLED_MAX_MS = 120_000;

/** No answer takes longer than its wait, and what MongoDB may need for the record of it. */
const ANSWER_MAX_MS = 30_000;

/** By then a job has expired that was lost: where the clocks of members agree, and where they differ. */
const EXPIRED_AFTER_MS = [16 * 60_000, 120 * 60_000];

/** When everybody leaves who comes back about when jobs expire, at the latest. */
const LEAVE_MAX_MS = 500;

const LAST_CALLER = 'who comes last';
/** That is ten seconds. */
const LAST_TRIES_MAX = 40;

export interface RunOptions {
  plants?: Iterable<Plant>;
  /** Adds what was met to this. */
  met?: Met;
  /** Whether to keep what happened, line by line. */
  traced?: boolean;
}

export interface Result {
  violations: Violation[];
  trace: string[];
}

/** Of whichever run is in progress: the worker publishes it to everybody. */
let metNow = newMet();
createChannel('retry').subscribe(() => {
  metNow['transactions decided anew']++;
});

/** One run: everything in it follows from its seed. The clock is the caller's, and serves one run after the other. */
export const simulate = async (clock: VirtualClock, seed: number, options: RunOptions = {}): Promise<Result> => {
  clock.reset();
  metNow = options.met ?? newMet();
  const trace: string[] = [];
  const note = (line: () => string) => trace.push(`${String(clock.nowMs).padStart(6)} ms  ${line()}`);
  const random = new Random(seed);
  const plan = planOf(random);
  const { faultRate, slowRate, replicationMaxMs } = plan;
  const world: World = {
    ...{ random, met: metNow, plants: new Set(options.plants), faultRate, slowRate, replicationMaxMs },
    nowMs: () => clock.nowMs,
    trace: options.traced ? note : () => {},
  };
  const { random: chance } = Math;
  Math.random = () => random.next();
  // Stores fail all the time here, and nobody reads where.
  const { stackTraceLimit } = Error;
  if (!options.traced) Error.stackTraceLimit = 0;
  try {
    const violations = await new Run(world, clock, plan).run();
    return { violations, trace: shortened(trace) };
  } finally {
    Math.random = chance;
    Error.stackTraceLimit = stackTraceLimit;
  }
};

/** Ids are drawn at random and mean nothing: they are told by the order in which they came, the same in every run. */
const shortened = (trace: readonly string[]): string[] => {
  const names = new Map<string, string>();
  const nameOf = (id: string, word: string) => {
    const name = names.get(id) ?? `${word}-${names.size + 1}`;
    names.set(id, name);
    return name;
  };
  return trace.map((line) =>
    line
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => nameOf(id, 'claim'))
      .replace(/api-[0-9a-f]{12}/g, (id) => nameOf(id, 'jobs')),
  );
};

const endOf = (breaks: readonly Break[]): number => Math.max(...breaks.map(({ atMs, forMs }) => atMs + forMs), 0) + 1;

class Run {
  readonly #world: World;
  readonly #clock: VirtualClock;
  readonly #plan: Plan;
  readonly #stores: Stores;
  readonly #fleet: Fleet;
  readonly #callers: Callers;
  /** Coupons that are still to be created. */
  #creating: number;

  constructor(world: World, clock: VirtualClock, plan: Plan) {
    this.#world = world;
    this.#clock = clock;
    this.#plan = plan;
    const store = new ModelStore(world);
    for (const { name, amount, atMs } of plan.coupons) if (atMs === undefined) store.createCoupon(name, amount);
    this.#stores = { store, redis: new ModelRedis(world, plan) };
    this.#fleet = new Fleet(world, plan, this.#stores);
    this.#callers = new Callers(world, () => this.#fleet.apis);
    this.#creating = plan.coupons.filter(({ atMs }) => atMs !== undefined).length;
  }

  async run(): Promise<Violation[]> {
    const { wishes, coupons, faultRate, backAtMs } = this.#plan;
    const breaks = [...this.#plan.breaks];
    if (backAtMs !== undefined) {
      const atMs = this.#world.random.int(0, LEAVE_MAX_MS);
      breaks.push({ what: 'nobody there', atMs, forMs: backAtMs - atMs });
      setTimeout(() => this.#callers.askOften(), backAtMs);
    }
    for (const wish of wishes) this.#callers.comeWith(wish);
    for (const { name, amount, atMs } of coupons)
      if (atMs !== undefined) setTimeout(() => void this.#createCoupon(name, amount), atMs);
    for (const one of breaks) setTimeout(() => this.#fleet.break(one), one.atMs);
    // Where nothing is amiss but that processes are missing, what is said of a claim meanwhile has to be right.
    const others = breaks.filter(({ what }) => what !== 'no workers' && what !== 'nobody there');
    const calmAtMs = Math.max(endOf(others), faultRate > 0 ? BREAKING_MS + (backAtMs ?? 0) : 0);
    setTimeout(() => this.#mend(), calmAtMs);
    const mendedAtMs = Math.max(endOf(breaks), calmAtMs);
    const settled = await this.#until(() => this.#clock.nowMs >= mendedAtMs && this.#idle, mendedAtMs);
    if (!settled) return [stuck('claims are undecided although nothing is broken any more')];
    return this.#judge();
  }

  get #idle(): boolean {
    const { store, redis } = this.#stores;
    return this.#creating === 0 && this.#callers.done && this.#fleet.idle && redis.idle && store.openTransactions === 0;
  }

  /** Resolves to whether it came true in time. */
  async #until(done: () => boolean, fromMs = this.#clock.nowMs): Promise<boolean> {
    await this.#clock.runUntil(
      () => done() || this.#clock.nowMs > fromMs + SETTLED_MAX_MS || this.#world.defect !== undefined,
    );
    if (this.#world.defect) throw this.#world.defect;
    return done();
  }

  async #judge(): Promise<Violation[]> {
    // The last caller is answered by what is left.
    for (const { name } of this.#plan.coupons)
      this.#callers.comeWith({
        ...{ user: LAST_CALLER, coupon: name, key: undefined, waitMs: undefined },
        ...{ atMs: 0, triesMax: LAST_TRIES_MAX, twins: [] },
      });
    if (!(await this.#until(() => this.#idle))) return [stuck('the last caller is not answered')];
    const unserved = this.#unserved;
    if (!(await this.#allTold())) return [stuck('the status of a claim is not answered')];
    const { judged } = this.#callers;
    return [...unserved, ...checkHistory(judged, this.#stores.store.state(), { answerMaxMs: ANSWER_MAX_MS })];
  }

  /** Once nothing is broken any more, claims are decided again. */
  get #unserved(): Violation[] {
    const claims = this.#callers.history.filter((call) => call.op === 'claim' && call.user === LAST_CALLER);
    return this.#plan.coupons.flatMap(({ name }): Violation[] => {
      const last = claims.findLast((call) => call.op === 'claim' && call.coupon === name);
      const isServed = last?.op === 'claim' && last.status !== undefined && last.status < 500;
      const found = `no claim on "${name}" is taken although nothing is broken any more`;
      return isServed ? [] : [{ invariant: 'I9', found, requests: last ? [last] : [] }];
    });
  }

  /**
   * Resolves to whether all claims are told in the end. A job that Redis lost together with its API process is never decided:
   * it expires. How long that takes depends on the clocks of MongoDB's members.
   */
  async #allTold(): Promise<boolean> {
    for (const forMs of [0, ...EXPIRED_AFTER_MS]) {
      if (forMs > 0) this.#fleet.break({ what: 'nobody there', atMs: 0, forMs });
      let told: boolean | undefined;
      const startAtMs = this.#clock.nowMs + forMs;
      const ask = () =>
        void this.#callers.askAfterPending().then((all) => {
          told = all;
        });
      setTimeout(ask, forMs + 1);
      await this.#until(() => told !== undefined, startAtMs);
      if (told) return true;
    }
    return false;
  }

  /** Whoever does it insists until it is done. */
  async #createCoupon(name: string, amount: number): Promise<void> {
    const { store } = this.#stores;
    const { met, trace, nowMs } = this.#world;
    for (let done = false; !done; ) {
      const call: CreateCall = { op: 'create', invokedAt: nowMs(), coupon: name, amount };
      this.#callers.history.push(call);
      try {
        if (!store.up) throw new Error('MongoDB is down');
        call.status = (await store.createCouponLate(name, amount)) ? 201 : 409;
        done = true;
      } catch (error) {
        call.error = (error as Error).message;
        await new Promise<void>((resolve) => setTimeout(resolve, 50));
      }
      call.answeredAt = nowMs();
      trace(() => `"${name}" is ${call.status ? 'created' : `not created: ${call.error}`}`);
    }
    met['late coupons']++;
    this.#creating--;
  }

  /** By then, what was down is back by a timer of its own. */
  #mend(): void {
    this.#world.faultRate = 0;
    this.#world.trace(() => 'nothing breaks any more');
  }
}

const stuck = (found: string): Violation => ({ invariant: 'I7', found, requests: [] });
