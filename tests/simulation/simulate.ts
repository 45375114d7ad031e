import { type CreateCall, checkHistory, type Violation } from '@flashclaim/audit';
import { createChannel } from '@flashclaim/runtime';
import { Callers } from './callers.ts';
import type { VirtualClock } from './clock.ts';
import { Fleet } from './fleet.ts';
import type { Stores } from './model-process.ts';
import { ModelRedis } from './model-redis.ts';
import { ModelStore } from './model-store.ts';
import type { Mutation } from './mutations.ts';
import { BREAKING_MS, type Break, type Plan, planOf } from './plan.ts';
import { Random } from './random.ts';
import { type Coverage, newCoverage, type World } from './world.ts';

/** After this time without faults everything has ended: at the latest a lock that expires, and then a transaction. */
const SETTLED_MAX_MS = 120_000;

/** Longest time of an answer: its wait, and the write of its pending record. */
const ANSWER_MAX_MS = 30_000;

/** After this time a lost job has expired: first if the clocks of the members agree, then if they differ. */
const EXPIRED_AFTER_MS = [16 * 60_000, 120 * 60_000];

/** In runs that come back when jobs expire, all processes stop before this time. */
const LEAVE_MAX_MS = 500;

const LAST_CALLER = 'last caller';
/** This takes about ten seconds. */
const LAST_ATTEMPTS_MAX = 40;

export interface RunOptions {
  mutations?: Iterable<Mutation>;
  /** Counts events here. */
  coverage?: Coverage;
  /** Whether to record a trace. */
  traced?: boolean;
}

export interface Result {
  violations: Violation[];
  trace: string[];
}

/** The coverage of the current run: the worker publishes retries to a channel of the whole process. */
let currentCoverage = newCoverage();
createChannel('retry').subscribe(() => {
  currentCoverage['transactions retried']++;
});

/** Runs one seed, which determines everything. One clock can be used for many runs, one after the other. */
export const simulate = async (clock: VirtualClock, seed: number, options: RunOptions = {}): Promise<Result> => {
  clock.reset();
  currentCoverage = options.coverage ?? newCoverage();
  const trace: string[] = [];
  const record = (line: () => string) => trace.push(`${String(clock.nowMs).padStart(6)} ms  ${line()}`);
  const random = new Random(seed);
  const plan = planOf(random);
  const { faultRate, slowRate, replicationMaxMs } = plan;
  const world: World = {
    random,
    coverage: currentCoverage,
    mutations: new Set(options.mutations),
    faultRate,
    slowRate,
    replicationMaxMs,
    nowMs: () => clock.nowMs,
    trace: options.traced ? record : () => {},
  };
  const { random: realRandom } = Math;
  Math.random = () => random.next();
  // Stores fail often here, and stack traces cost time.
  const { stackTraceLimit } = Error;
  if (!options.traced) Error.stackTraceLimit = 0;
  try {
    const violations = await new Run(world, clock, plan).run();
    return { violations, trace: numberIds(trace) };
  } finally {
    Math.random = realRandom;
    Error.stackTraceLimit = stackTraceLimit;
  }
};

/** Replaces random ids by numbers in the order of their first use, which is the same in every run of a seed. */
const numberIds = (trace: readonly string[]): string[] => {
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
  /** Coupons that are not created yet. */
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
    const { operations, releases, changes, lists, reads, coupons, faultRate, backAtMs } = this.#plan;
    const breaks = [...this.#plan.breaks];
    if (backAtMs !== undefined) {
      const atMs = this.#world.random.int(0, LEAVE_MAX_MS);
      breaks.push({ what: 'no processes', atMs, forMs: backAtMs - atMs });
      setTimeout(() => this.#callers.pollOften(), backAtMs);
    }
    for (const operation of operations) this.#callers.start(operation);
    for (const release of releases) this.#callers.startRelease(release);
    for (const change of changes) this.#callers.startChange(change);
    for (const list of lists) this.#callers.startList(list);
    this.#callers.startReads(reads);
    for (const { name, amount, atMs } of coupons)
      if (atMs !== undefined) setTimeout(() => void this.#createCoupon(name, amount), atMs);
    for (const one of breaks) setTimeout(() => this.#fleet.break(one), one.atMs);
    // Single steps stop failing even while processes are missing: statuses must be correct in that time.
    const others = breaks.filter(({ what }) => what !== 'no workers' && what !== 'no processes');
    const faultsEndAtMs = Math.max(endOf(others), faultRate > 0 ? BREAKING_MS + (backAtMs ?? 0) : 0);
    setTimeout(() => this.#heal(), faultsEndAtMs);
    const healedAtMs = Math.max(endOf(breaks), faultsEndAtMs);
    const settled = await this.#until(() => this.#clock.nowMs >= healedAtMs && this.#idle, healedAtMs);
    if (!settled) return [stuck('claims are undecided although there are no faults any more')];
    return this.#judge();
  }

  get #idle(): boolean {
    const { store, redis } = this.#stores;
    return this.#creating === 0 && this.#callers.done && this.#fleet.idle && redis.idle && store.openTransactions === 0;
  }

  /** Resolves to whether the condition became true in time. */
  async #until(done: () => boolean, fromMs = this.#clock.nowMs): Promise<boolean> {
    await this.#clock.runUntil(
      () => done() || this.#clock.nowMs > fromMs + SETTLED_MAX_MS || this.#world.defect !== undefined,
    );
    if (this.#world.defect) throw this.#world.defect;
    return done();
  }

  async #judge(): Promise<Violation[]> {
    // A last caller claims each coupon, after the faults.
    for (const { name } of this.#plan.coupons)
      this.#callers.start({
        user: LAST_CALLER,
        coupon: name,
        key: undefined,
        waitMs: undefined,
        atMs: 0,
        attemptsMax: LAST_ATTEMPTS_MAX,
        duplicates: [],
      });
    if (!(await this.#until(() => this.#idle))) return [stuck('the last caller is not answered')];
    const unserved = this.#unserved;
    if (!(await this.#allAnswered())) return [stuck('the status of a claim is not answered')];
    const { judged } = this.#callers;
    return [...unserved, ...checkHistory(judged, this.#stores.store.state(), { answerMaxMs: ANSWER_MAX_MS })];
  }

  /** The coupons whose last claim was not decided, although there are no faults any more. */
  get #unserved(): Violation[] {
    const claims = this.#callers.history.filter((call) => call.op === 'claim' && call.user === LAST_CALLER);
    return this.#plan.coupons.flatMap(({ name }): Violation[] => {
      const last = claims.findLast((call) => call.op === 'claim' && call.coupon === name);
      const isServed = last?.op === 'claim' && last.status !== undefined && last.status < 500;
      const found = `no claim on "${name}" is decided although there are no faults any more`;
      return isServed ? [] : [{ invariant: 'I9', found, requests: last ? [last] : [] }];
    });
  }

  /**
   * Resolves to whether all claims get a final status. A job that Redis and its API process both lost is never decided: it
   * expires. How long that takes depends on the clocks of MongoDB's members.
   */
  async #allAnswered(): Promise<boolean> {
    for (const forMs of [0, ...EXPIRED_AFTER_MS]) {
      if (forMs > 0) this.#fleet.break({ what: 'no processes', atMs: 0, forMs });
      let allFinal: boolean | undefined;
      const startAtMs = this.#clock.nowMs + forMs;
      const poll = () =>
        void this.#callers.pollPending().then((all) => {
          allFinal = all;
        });
      setTimeout(poll, forMs + 1);
      await this.#until(() => allFinal !== undefined, startAtMs);
      if (allFinal) return true;
    }
    return false;
  }

  /** Creates a coupon, and retries until it exists. */
  async #createCoupon(name: string, amount: number): Promise<void> {
    const { store } = this.#stores;
    const { coverage, trace, nowMs } = this.#world;
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
    coverage['late coupons']++;
    this.#creating--;
  }

  /** Ends the faults of single steps. Timers of their own bring stores and processes back. */
  #heal(): void {
    this.#world.faultRate = 0;
    this.#world.trace(() => 'no more faults');
  }
}

const stuck = (found: string): Violation => ({ invariant: 'I7', found, requests: [] });
