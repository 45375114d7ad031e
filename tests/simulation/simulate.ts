import { type ClaimCall, type CreateCall, checkHistory, type Violation } from '@flashclaim/audit';
import { createPoint } from '@flashclaim/service';
import { Callers } from './callers.ts';
import type { VirtualClock } from './clock.ts';
import { judgePending, type PendingFacts } from './judge-pending.ts';
import { ApiProcess, type Stores, WorkerProcess } from './model-api.ts';
import { ModelRedis } from './model-redis.ts';
import { ModelStore } from './model-store.ts';
import { BREAKING_MS, type Plan, planOf } from './plan.ts';
import { Random } from './random.ts';
import { type Met, newMet, type Plant, TRAVEL_MAX_MS, type World } from './world.ts';

/** By then everything that was begun has ended: the longest is a lock that runs out, then a transaction, a few times over. */
const SETTLED_MAX_MS = 120_000;

/** No answer takes longer than its wait, and what a note of it in Redis may need. */
const ANSWER_MAX_MS = 30_000;

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

/** Of whichever run is under way: the worker tells it to everybody. */
let metNow = newMet();
createPoint('decide-anew').subscribe(() => {
  metNow['transactions decided anew']++;
});

/** One run: everything in it follows from its seed. The clock is the caller's, and serves one run after the other. */
export const simulate = async (clock: VirtualClock, seed: number, options: RunOptions = {}): Promise<Result> => {
  clock.reset();
  metNow = options.met ?? newMet();
  const trace: string[] = [];
  const note = (line: () => string) => trace.push(`${String(clock.nowMs).padStart(6)} ms  ${line()}`);
  const random = new Random(seed);
  const world: World = {
    ...{ random, met: metNow, plants: new Set(options.plants), faultRate: 0 },
    trace: options.traced ? note : () => {},
  };
  const { random: chance } = Math;
  Math.random = () => random.next();
  try {
    const violations = await new Run(world, clock, planOf(random)).run();
    return { violations, trace: shortened(trace) };
  } finally {
    Math.random = chance;
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

class Run {
  readonly #world: World;
  readonly #clock: VirtualClock;
  readonly #plan: Plan;
  readonly #stores: Stores;
  readonly #callers: Callers;
  #apis: ApiProcess[] = [];
  /** Also those that died. */
  readonly #everyApi: ApiProcess[] = [];
  /** When messages to Redis may have been lost or late. */
  readonly #disturbed: { fromMs: number; toMs: number }[] = [];
  #workers: WorkerProcess[] = [];
  #started = 0;
  /** Coupons that are still to be created. */
  #creating: number;

  constructor(world: World, clock: VirtualClock, plan: Plan) {
    this.#world = world;
    this.#clock = clock;
    this.#plan = plan;
    const store = new ModelStore(world);
    for (const { name, amount, atMs } of plan.coupons) if (atMs === undefined) store.createCoupon(name, amount);
    this.#stores = { store, redis: new ModelRedis(world, plan), lanes: plan.lanes };
    this.#callers = new Callers(world, () => this.#apis);
    this.#creating = plan.coupons.filter(({ atMs }) => atMs !== undefined).length;
  }

  async run(): Promise<Violation[]> {
    const { wishes, breaks, apis, workers, faultRate } = this.#plan;
    this.#world.faultRate = faultRate;
    for (let i = 0; i < apis; i++) this.#startApi();
    for (let i = 0; i < workers; i++) this.#startWorker();
    for (const wish of wishes) this.#callers.comeWith(wish);
    for (const { name, amount, atMs } of this.#plan.coupons)
      if (atMs !== undefined) setTimeout(() => void this.#createCoupon(name, amount), atMs);
    for (const one of breaks) setTimeout(() => this.#break(one), one.atMs);
    let mended = false;
    const endOf = (some: Plan['breaks']) => Math.max(...some.map(({ atMs, forMs }) => atMs + forMs), 0) + 1;
    // Where nothing is amiss but that workers are missing, what is said of a claim meanwhile has to be right.
    const calmAtMs = Math.max(
      endOf(breaks.filter(({ what }) => what !== 'no workers')),
      faultRate > 0 ? BREAKING_MS : 0,
    );
    setTimeout(() => this.#mend(), calmAtMs);
    setTimeout(
      () => {
        mended = true;
      },
      Math.max(endOf(breaks), calmAtMs),
    );
    const settled = await this.#until(() => mended && this.#idle);
    if (!settled) return [stuck('claims are undecided although nothing is broken any more')];
    return this.#judge();
  }

  get #idle(): boolean {
    const { store, redis } = this.#stores;
    return (
      this.#creating === 0 &&
      this.#callers.done &&
      redis.idle &&
      store.openTransactions === 0 &&
      this.#apis.every((api) => api.idle)
    );
  }

  /** Resolves to whether it came true in time. */
  async #until(done: () => boolean): Promise<boolean> {
    await this.#clock.runUntil(() => done() || this.#clock.nowMs > SETTLED_MAX_MS);
    return done();
  }

  async #judge(): Promise<Violation[]> {
    // Who comes last is answered by what is left.
    for (const { name } of this.#plan.coupons)
      this.#callers.comeWith({
        ...{ user: 'who comes last', coupon: name, key: undefined, waitMs: undefined },
        ...{ atMs: 0, triesMax: 1, twins: [] },
      });
    if (!(await this.#until(() => this.#idle))) return [stuck('who comes last is not answered')];
    let asked = false;
    void this.#callers.askAfterPending().then(() => {
      asked = true;
    });
    if (!(await this.#until(() => asked))) return [stuck('the status of a claim is not answered')];
    const { history } = this.#callers;
    const unresolved = [...judgePending(this.#pendingFacts())];
    for (const call of history) if (call.op === 'claim' && call.status === 202) this.#conclude(call);
    return [...unresolved, ...checkHistory(history, this.#stores.store.state(), { answerMaxMs: ANSWER_MAX_MS })];
  }

  #pendingFacts(): PendingFacts {
    const times = [...this.#disturbed, ...this.#stores.redis.forgotAtMs.map((atMs) => ({ fromMs: atMs, toMs: atMs }))];
    return {
      ...{ history: this.#callers.history, unknown: this.#callers.unknown, apis: this.#everyApi },
      disturbedBefore: (atMs) =>
        times.reduce(
          (last, { fromMs, toMs }) => (fromMs > atMs ? last : Math.max(last, Math.min(toMs, atMs))),
          Number.NEGATIVE_INFINITY,
        ),
    };
  }

  /** What a caller who was told `pending` makes of the last that was said of the claim, where that is not simply its outcome. */
  #conclude(call: ClaimCall): void {
    const { redis } = this.#stores;
    const status = this.#callers.history.findLast((one) => one.op === 'status' && one.claimId === call.claimId);
    if (status?.op !== 'status') return;
    // The status names a user: it may be another one, under the same key. Whose claim stands is the last word.
    const user = this.#callers.users.get(status);
    if (user !== undefined && user !== call.user) {
      delete call.claimId;
      call.status = status.code === 'claimed' ? 422 : 503;
      call.code = status.code === 'claimed' ? 'idempotency_key_reused' : 'unavailable';
    }
    // Redis holds the job and the note. Where it forgot both, and nobody is left who could bring them back, the caller knows
    // as much as after a lost answer. That is the documented limit.
    if (status.status === 404 && redis.forgotAtMs.some((atMs) => atMs >= call.invokedAt)) {
      this.#world.met['lost with Redis']++;
      delete call.status;
      call.error = 'told pending, and then lost with Redis';
    }
  }

  #disturb(fromMs: number, toMs: number): void {
    const startMs = performance.now() - this.#clock.nowMs;
    this.#disturbed.push({ fromMs: startMs + fromMs, toMs: startMs + toMs });
  }

  #startApi(): void {
    const api = new ApiProcess(`api ${++this.#started}`, this.#world, this.#stores);
    this.#apis.push(api);
    this.#everyApi.push(api);
    this.#world.trace(() => `${api.name} starts`);
  }

  #startWorker(): void {
    const worker = new WorkerProcess(`worker ${++this.#started}`, this.#world, this.#stores);
    this.#workers.push(worker);
    this.#world.trace(() => `${worker.name} starts`);
  }

  #break({ what, forMs }: Plan['breaks'][number]): void {
    const { store, redis } = this.#stores;
    const { met, random, trace } = this.#world;
    trace(() => `${what}, for ${forMs} ms`);
    if (what === 'api crash') this.#crashApi(forMs);
    else if (what === 'worker crash') this.#crashWorker(forMs);
    else if (what === 'redis forgets all') redis.forgetAll();
    else if (what === 'redis forgets a job') redis.forgetOne();
    else if (what === 'no workers') {
      while (this.#workers.length > 0) this.#crashWorker(forMs);
      if (random.chance(0.5)) setTimeout(() => redis.forgetAll(), random.int(1, 1_000));
    } else if (what === 'answers away') for (const api of this.#apis) api.hearAgain();
    else if (what === 'failover') {
      met.failovers++;
      store.failover();
    } else {
      met.outages++;
      if (what === 'mongo outage') store.up = false;
      else {
        redis.up = false;
        this.#disturb(this.#clock.nowMs, this.#clock.nowMs + forMs);
      }
      setTimeout(() => {
        if (what === 'mongo outage') store.up = true;
        else {
          if (random.chance(0.2)) redis.forgetAll();
          redis.comeBack();
        }
      }, forMs);
    }
  }

  #crashApi(forMs: number): void {
    const api = this.#world.random.pick(this.#apis);
    if (!api) return;
    this.#world.met['api crashes']++;
    this.#apis = this.#apis.filter((one) => one !== api);
    api.crash();
    setTimeout(() => this.#startApi(), forMs);
  }

  #crashWorker(forMs: number): void {
    const worker = this.#world.random.pick(this.#workers);
    if (!worker) return;
    this.#world.met['worker crashes']++;
    this.#workers = this.#workers.filter((one) => one !== worker);
    worker.crash();
    this.#stores.redis.abandon(worker);
    setTimeout(() => this.#startWorker(), forMs);
  }

  /** Whoever does it insists until it is done. */
  async #createCoupon(name: string, amount: number): Promise<void> {
    const { store } = this.#stores;
    const { met, trace } = this.#world;
    for (let done = false; !done; ) {
      const call: CreateCall = { op: 'create', invokedAt: performance.now(), coupon: name, amount };
      this.#callers.history.push(call);
      try {
        if (!store.up) throw new Error('MongoDB is away');
        await store.createCouponLate(name, amount);
        call.status = 201;
        done = true;
      } catch (error) {
        call.error = (error as Error).message;
        await new Promise<void>((resolve) => setTimeout(resolve, 50));
      }
      call.answeredAt = performance.now();
      trace(() => `"${name}" is ${call.status ? 'created' : `not created: ${call.error}`}`);
    }
    met['late coupons']++;
    this.#creating--;
  }

  /** By then, what was down is back by a timer of its own. */
  #mend(): void {
    if (this.#world.faultRate > 0) this.#disturb(0, this.#clock.nowMs + TRAVEL_MAX_MS);
    this.#world.faultRate = 0;
    this.#world.trace(() => 'nothing breaks any more');
  }
}

const stuck = (found: string): Violation => ({ invariant: 'I7', found, requests: [] });
