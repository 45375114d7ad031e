import { ApiProcess } from './model-api.ts';
import type { Stores } from './model-process.ts';
import { WorkerProcess } from './model-worker.ts';
import { type Break, clockOf, type Plan } from './plan.ts';
import type { World } from './world.ts';

/** By how much a clock is set. */
const CLOCK_STEPS_MS = [1_000, 30_000, 600_000, 3_600_000];

/** A failover of Redis loses writes of at most this time. */
const REDIS_LOST_MAX_MS = 800;

/** All processes, and the faults of processes and stores. */
export class Fleet {
  /** The API processes that are ready. */
  apis: ApiProcess[] = [];
  #workers: WorkerProcess[] = [];
  readonly #world: World;
  readonly #plan: Plan;
  readonly #stores: Stores;
  #started = 0;
  /** Processes that will start later. */
  #starting = 0;
  readonly #notReady = new Set<ApiProcess>();
  /** Before this time no process starts. */
  #noStartBeforeMs = 0;

  constructor(world: World, plan: Plan, stores: Stores) {
    this.#world = world;
    this.#plan = plan;
    this.#stores = stores;
    for (let i = 0; i < plan.apis; i++) this.#startApi();
    for (let i = 0; i < plan.workers; i++) this.#startWorker();
  }

  get idle(): boolean {
    return this.#starting === 0 && this.#notReady.size === 0 && this.apis.every((api) => api.idle);
  }

  break({ what, forMs }: Break): void {
    this.#world.trace(() => `${what}, for ${forMs} ms`);
    this.#breaks[what](forMs);
  }

  readonly #breaks: Record<Break['what'], (forMs: number) => void> = {
    'api crash': (forMs) => this.#crashApi(forMs),
    'worker crash': (forMs) => this.#crashWorker(forMs),
    'redis outage': (forMs) => this.#redisOutage(forMs),
    'redis loses all': () => this.#stores.redis.loseAll(),
    'redis loses a job': () => this.#stores.redis.loseOne(),
    'redis failover': () => this.#redisFailover(),
    'mongo outage': (forMs) => this.#mongoOutage(forMs),
    failover: (forMs) => this.#failover(forMs),
    'answer connection lost': () => {
      for (const api of this.apis) api.recover();
    },
    'clock set': () => this.#setClock(),
    'no workers': (forMs) => this.#noWorkers(forMs),
    'no processes': (forMs) => {
      this.#world.coverage['long outages']++;
      this.#noStartBeforeMs = Math.max(this.#noStartBeforeMs, this.#world.nowMs() + forMs);
      for (const api of this.#notReady) api.crash();
      while (this.apis.length > 0) this.#crashApi(forMs);
      this.#noWorkers(forMs);
    },
  };

  #startApi(): void {
    const api = new ApiProcess(`api ${++this.#started}`, clockOf(this.#world.random, this.#plan), this.#parts());
    this.#notReady.add(api);
    void api.ready().then((isReady) => {
      this.#notReady.delete(api);
      if (!isReady) {
        this.#later(() => this.#startApi(), 0);
        return;
      }
      this.apis.push(api);
      this.#world.trace(() => `${api.name} is ready`);
    });
  }

  #startWorker(): void {
    const name = `worker ${++this.#started}`;
    this.#workers.push(new WorkerProcess(name, clockOf(this.#world.random, this.#plan), this.#parts()));
    this.#world.trace(() => `${name} is ready`);
  }

  /** Each start may have a different number of lanes. */
  #parts() {
    const lanes = this.#world.random.pick(this.#plan.lanes);
    return { world: this.#world, stores: this.#stores, lanes };
  }

  /** Starts a process after this time, or later if no process may start yet. */
  #later(start: () => void, forMs: number): void {
    this.#starting++;
    const begin = () => {
      const leftMs = this.#noStartBeforeMs - this.#world.nowMs();
      if (leftMs > 0) {
        setTimeout(begin, leftMs);
        return;
      }
      this.#starting--;
      start();
    };
    setTimeout(begin, forMs);
  }

  #crashApi(forMs: number): void {
    if (this.apis.length === 0) return;
    const api = this.#world.random.pick(this.apis);
    this.#world.coverage['api crashes']++;
    this.apis = this.apis.filter((one) => one !== api);
    api.crash();
    this.#later(() => this.#startApi(), forMs);
  }

  #crashWorker(forMs: number): void {
    if (this.#workers.length === 0) return;
    const worker = this.#world.random.pick(this.#workers);
    this.#world.coverage['worker crashes']++;
    this.#workers = this.#workers.filter((one) => one !== worker);
    worker.crash();
    this.#stores.redis.abandon(worker);
    this.#later(() => this.#startWorker(), forMs);
  }

  #noWorkers(forMs: number): void {
    const { random } = this.#world;
    while (this.#workers.length > 0) this.#crashWorker(forMs);
    if (random.chance(0.5)) setTimeout(() => this.#stores.redis.loseAll(), random.int(1, 1_000));
  }

  #redisOutage(forMs: number): void {
    const { redis } = this.#stores;
    this.#world.coverage.outages++;
    redis.up = false;
    setTimeout(() => {
      if (this.#world.random.chance(0.2)) redis.loseAll();
      redis.comeBack();
    }, forMs);
  }

  /** A replica takes over that does not have the last writes. */
  #redisFailover(): void {
    const { redis } = this.#stores;
    const { random } = this.#world;
    const replicated = redis.state();
    setTimeout(() => redis.failover(replicated), random.int(1, random.pick([20, REDIS_LOST_MAX_MS])));
  }

  #mongoOutage(forMs: number): void {
    const { store } = this.#stores;
    this.#world.coverage.outages++;
    store.up = false;
    setTimeout(() => {
      store.up = true;
    }, forMs);
  }

  #failover(forMs: number): void {
    this.#world.coverage.failovers++;
    this.#stores.store.failover();
    // Some elections take longer.
    if (this.#world.random.chance(0.3)) this.#mongoOutage(forMs);
  }

  #setClock(): void {
    const { random, coverage, trace } = this.#world;
    const processes = [...this.apis, ...this.#workers];
    if (processes.length === 0) return;
    const { name, clock } = random.pick(processes);
    const byMs = random.pick(CLOCK_STEPS_MS) * random.pick([-1, 1]);
    clock.step(byMs);
    coverage['clocks set']++;
    trace(() => `the clock of ${name} is set by ${byMs} ms`);
  }
}
