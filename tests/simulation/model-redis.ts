import type { ClaimJob } from '@flashclaim/core';
import type { RedisConnection } from '@flashclaim/runtime';
import type { Queue } from 'bullmq';
import { type LaneState, ModelLane, type RunJob, type Runner } from './model-lane.ts';
import type { Plan } from './plan.ts';
import { runOn } from './wall-clock.ts';
import { ask, askWhether, faulty, type Line, type Process, travel, type World } from './world.ts';

/** After so long a worker has found a lane that holds jobs and that it did not know. */
const LANE_FOUND_MIN_MS = 100;
const LANE_FOUND_MAX_MS = 2_000;

interface ModelWorker {
  process: Process;
  run: (job: RunJob) => Promise<unknown>;
  /** The lanes that it serves. */
  serves: Set<number>;
  /** Those that it is about to find. */
  finds: Set<number>;
}

/** A line for each key, made when it is first needed. */
const linesByKey = () => {
  const lines = new Map<string, Line>();
  return (key: string): Line => {
    const line = lines.get(key) ?? { arrivesAt: 0 };
    lines.set(key, line);
    return line;
  };
};

/** What Redis and BullMQ do for the claim path: lanes with jobs, and the channels of the answers. */
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

  /** Whether one of the first so many lanes holds a job. */
  isHeld(jobId: string, lanes: number): boolean {
    return this.#lanes.slice(0, lanes).some((lane) => lane.stateOf(jobId) !== 'unknown');
  }

  /** The queue of a lane as a process has it. What it says of a job does not overtake what it said before of the same. */
  queue(lane: number, process: Process): Queue {
    const of = this.#lane(lane);
    const lineOf = linesByKey();
    return {
      add: (_name: string, data: ClaimJob, { jobId }: { jobId: string }) =>
        this.#ask(process, () => of.add(jobId, data), lineOf(jobId)),
      getJobState: (jobId: string) =>
        this.#ask(
          process,
          () => {
            const state = of.stateOf(jobId);
            return state === 'unknown' && this.#world.plants.has('forgotten looks active') ? 'active' : state;
          },
          lineOf(jobId),
        ),
    } as unknown as Queue;
  }

  /** A connection as a process has it. */
  connection(process: Process): RedisConnection {
    return {
      publish: (channel: string, message: string) => this.#ask(process, () => this.#publish(channel, message)),
      ping: () => askWhether(this.#world, process, () => this.#carriedOut(() => 'PONG')),
    } as unknown as RedisConnection;
  }

  /** Returns the function that ends it. */
  subscribe(process: Process, channel: string, hear: (message: string) => void): () => void {
    this.#channels.set(channel, (message) => runOn(process, () => hear(message)));
    return () => this.#channels.delete(channel);
  }

  /** A worker process starts: it serves so many lanes at once, and others once it has found that they hold jobs. */
  work(process: Process, lanes: number, run: (job: RunJob) => Promise<unknown>): void {
    const worker: ModelWorker = { process, run, serves: new Set(), finds: new Set() };
    this.#workers.push(worker);
    for (let lane = 0; lane < lanes; lane++) this.#serve(worker, lane);
    this.#lanes.forEach((of, lane) => {
      if (!of.idle) this.#find(worker, lane);
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

  /** Redis starts empty. */
  forgetAll(): void {
    for (const lane of this.#lanes) this.#world.met['forgotten jobs'] += lane.forgetAll();
  }

  /** One job is gone: a replica that took over did not have it yet, say. */
  forgetOne(): void {
    const lanes = this.#lanes.filter(({ size }) => size > 0);
    if (lanes.length === 0) return;
    this.#world.random.pick(lanes).forgetOne();
    this.#world.met['forgotten jobs']++;
  }

  /** What a replica has by now. */
  state(): LaneState[] {
    return this.#lanes.map((lane) => lane.state());
  }

  /** The replica takes over: all that came since then is lost, acknowledged or not. */
  failover(states: readonly LaneState[]): void {
    this.#world.met['redis failovers']++;
    this.#lanes.forEach((lane, number) => {
      const state = states[number];
      if (state) lane.restore(state);
      else lane.forgetAll();
    });
  }

  #lane(lane: number): ModelLane {
    for (let number = this.#lanes.length; number <= lane; number++) {
      const { jobsKeptMax: keptMax, isExclusive, doubleRuns } = this.#plan;
      this.#lanes.push(
        new ModelLane(number, {
          ...{ world: this.#world, keptMax, isExclusive, doubleRuns },
          isUp: () => this.up,
          jobCame: () => {
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
    const of = this.#lane(lane);
    const runners: Runner[] = Array.from({ length: this.#plan.runnersOfLane }, () => ({ process, run, busy: false }));
    for (const runner of runners) of.runners.add(runner);
    of.dispatch();
  }

  #find(worker: ModelWorker, lane: number): void {
    if (worker.serves.has(lane) || worker.finds.has(lane)) return;
    worker.finds.add(lane);
    this.#world.met['found lanes']++;
    setTimeout(() => this.#serve(worker, lane), this.#world.random.int(LANE_FOUND_MIN_MS, LANE_FOUND_MAX_MS));
  }

  #ask<T>(process: Process, effect: () => T, line?: Line): Promise<T> {
    return ask(this.#world, process, () => this.#carriedOut(effect), line);
  }

  /** @throws Error where the connection breaks, before or after. */
  #carriedOut<T>(effect: () => T): T {
    if (!this.up) throw new Error('Connection is closed.');
    if (!faulty(this.#world)) return effect();
    if (this.#world.random.chance(0.5)) effect();
    throw new Error('Connection is closed.');
  }

  #publish(channel: string, sent: string): number {
    const message = this.#planted(sent);
    if (!this.#channels.has(channel)) return 0;
    const { random, met } = this.#world;
    if (faulty(this.#world)) {
      met['lost answers']++;
      return random.int(0, 1);
    }
    const times = faulty(this.#world) ? 2 : 1;
    if (times === 2) met['duplicate answers']++;
    for (let time = 0; time < times; time++)
      travel(this.#world, { dead: false }, () => this.#channels.get(channel)?.(message));
    return 1;
  }

  /** The message, unless a bug is planted: then its result is that of the message before. */
  #planted(message: string): string {
    if (!this.#world.plants.has('result of another')) return message;
    const { result, ...rest } = JSON.parse(message) as { result: unknown };
    const other = this.#lastResult ?? result;
    this.#lastResult = result;
    return JSON.stringify({ ...rest, result: other });
  }
}
