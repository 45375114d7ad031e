import type { ClaimJob } from '@flashclaim/core';
import type { RedisConnection } from '@flashclaim/runtime';
import type { Queue } from 'bullmq';
import { type LaneState, ModelLane, type RunJob, type Runner } from './model-lane.ts';
import type { Plan } from './plan.ts';
import { runOn } from './wall-clock.ts';
import { callStore, faulty, type MessageOrder, type Process, pingStore, travel, type World } from './world.ts';

/** Time until a worker finds a lane with jobs that it does not serve yet. */
const LANE_FOUND_MIN_MS = 100;
const LANE_FOUND_MAX_MS = 2_000;

interface ModelWorker {
  process: Process;
  run: (job: RunJob) => Promise<unknown>;
  /** The lanes that it serves. */
  serves: Set<number>;
  /** The lanes that it will serve soon. */
  finds: Set<number>;
}

/** Keeps messages about the same key in order. */
const ordersByKey = () => {
  const orders = new Map<string, MessageOrder>();
  return (key: string): MessageOrder => {
    const order = orders.get(key) ?? { arrivesAt: 0 };
    orders.set(key, order);
    return order;
  };
};

/** Redis and BullMQ as the claim path uses them: lanes with jobs, and channels for answers. */
export class ModelRedis {
  readonly #world: World;
  readonly #plan: Plan;
  readonly #lanes: ModelLane[] = [];
  readonly #channels = new Map<string, (message: string) => void>();
  #workers: ModelWorker[] = [];
  up = true;
  #lastResult: unknown;

  constructor(world: World, plan: Plan) {
    this.#world = world;
    this.#plan = plan;
  }

  get idle(): boolean {
    return this.#lanes.every((lane) => lane.idle);
  }

  /** Whether one of the first `lanes` lanes has this job. */
  hasJob(jobId: string, lanes: number): boolean {
    return this.#lanes.slice(0, lanes).some((lane) => lane.stateOf(jobId) !== 'unknown');
  }

  /** The queue of a lane for a process. Its commands about one job keep their order. */
  queue(lane: number, process: Process): Queue {
    const modelLane = this.#lane(lane);
    const orderOf = ordersByKey();
    return {
      add: (_name: string, data: ClaimJob, { jobId }: { jobId: string }) =>
        this.#callRedis(process, () => modelLane.add(jobId, data), orderOf(jobId)),
      remove: (jobId: string) => this.#callRedis(process, () => modelLane.remove(jobId), orderOf(jobId)),
      getJobState: (jobId: string) =>
        this.#callRedis(
          process,
          () => {
            const state = modelLane.stateOf(jobId);
            return state === 'unknown' && this.#world.mutations.has('lost job looks active') ? 'active' : state;
          },
          orderOf(jobId),
        ),
    } as unknown as Queue;
  }

  /** A connection of a process. */
  connection(process: Process): RedisConnection {
    return {
      publish: (channel: string, message: string) => this.#callRedis(process, () => this.#publish(channel, message)),
      ping: () => pingStore(this.#world, process, () => this.#run(() => 'PONG')),
    } as unknown as RedisConnection;
  }

  /** Returns a function that unsubscribes. */
  subscribe(process: Process, channel: string, receive: (message: string) => void): () => void {
    this.#channels.set(channel, (message) => runOn(process, () => receive(message)));
    return () => this.#channels.delete(channel);
  }

  /** Starts the work of a worker process: it serves `lanes` lanes at once, and others after it has found jobs in them. */
  work(process: Process, lanes: number, run: (job: RunJob) => Promise<unknown>): void {
    const worker: ModelWorker = { process, run, serves: new Set(), finds: new Set() };
    this.#workers.push(worker);
    for (let lane = 0; lane < lanes; lane++) this.#serve(worker, lane);
    this.#lanes.forEach((modelLane, lane) => {
      if (!modelLane.idle) this.#find(worker, lane);
    });
  }

  /** A worker is killed. */
  abandon(process: Process): void {
    this.#workers = this.#workers.filter((worker) => worker.process !== process);
    for (const lane of this.#lanes) lane.abandon(process);
  }

  comeBack(): void {
    this.up = true;
    for (const lane of this.#lanes) lane.dispatch();
  }

  /** Redis loses all data. */
  loseAll(): void {
    for (const lane of this.#lanes) this.#world.coverage['lost jobs'] += lane.loseAll();
  }

  /** Redis loses one job, for example in a failover to a replica without it. */
  loseOne(): void {
    const lanes = this.#lanes.filter(({ size }) => size > 0);
    if (lanes.length === 0) return;
    this.#world.random.pick(lanes).loseOne();
    this.#world.coverage['lost jobs']++;
  }

  /** The state that a replica has now. */
  state(): LaneState[] {
    return this.#lanes.map((lane) => lane.state());
  }

  /** The replica takes over: all later writes are lost, acknowledged or not. */
  failover(states: readonly LaneState[]): void {
    this.#world.coverage['redis failovers']++;
    this.#lanes.forEach((lane, number) => {
      const state = states[number];
      if (state) lane.restore(state);
      else lane.loseAll();
    });
  }

  #lane(lane: number): ModelLane {
    for (let number = this.#lanes.length; number <= lane; number++) {
      const { jobsKeptMax: keptMax, isExclusive, doubleRuns } = this.#plan;
      this.#lanes.push(
        new ModelLane(number, {
          world: this.#world,
          keptMax,
          isExclusive,
          doubleRuns,
          isUp: () => this.up,
          jobAdded: () => {
            for (const worker of this.#workers) this.#find(worker, number);
          },
        }),
      );
    }
    return this.#lanes[lane] as ModelLane;
  }

  #serve(worker: ModelWorker, lane: number): void {
    const { process, run } = worker;
    if (process.dead || worker.serves.has(lane)) return;
    worker.serves.add(lane);
    const modelLane = this.#lane(lane);
    const runners: Runner[] = Array.from({ length: this.#plan.runnersOfLane }, () => ({ process, run, busy: false }));
    for (const runner of runners) modelLane.runners.add(runner);
    modelLane.dispatch();
  }

  #find(worker: ModelWorker, lane: number): void {
    if (worker.serves.has(lane) || worker.finds.has(lane)) return;
    worker.finds.add(lane);
    this.#world.coverage['found lanes']++;
    setTimeout(() => this.#serve(worker, lane), this.#world.random.int(LANE_FOUND_MIN_MS, LANE_FOUND_MAX_MS));
  }

  #callRedis<T>(process: Process, effect: () => T, order?: MessageOrder): Promise<T> {
    return callStore(this.#world, process, () => this.#run(effect), order);
  }

  /** @throws Error if the connection breaks, before or after the command ran. */
  #run<T>(effect: () => T): T {
    if (!this.up) throw new Error('Connection is closed.');
    if (!faulty(this.#world)) return effect();
    if (this.#world.random.chance(0.5)) effect();
    throw new Error('Connection is closed.');
  }

  #publish(channel: string, sent: string): number {
    const message = this.#mutated(sent);
    if (!this.#channels.has(channel)) return 0;
    const { random, coverage } = this.#world;
    if (faulty(this.#world)) {
      coverage['lost answers']++;
      return random.int(0, 1);
    }
    const times = faulty(this.#world) ? 2 : 1;
    if (times === 2) coverage['duplicate answers']++;
    for (let time = 0; time < times; time++)
      travel(this.#world, { dead: false }, () => this.#channels.get(channel)?.(message));
    return 1;
  }

  /** The message; with the mutation `result of another`, it has the result of the message before. */
  #mutated(message: string): string {
    if (!this.#world.mutations.has('result of another')) return message;
    const { result, ...rest } = JSON.parse(message) as { result: unknown };
    const other = this.#lastResult ?? result;
    this.#lastResult = result;
    return JSON.stringify({ ...rest, result: other });
  }
}
