import {
  type ClaimJob,
  type ClaimJobResult,
  JOB_LOCK_MS,
  JOB_RETRY_DELAY_MS,
  JOB_STALLED_CHECK_MS,
  ONE_AT_A_TIME_EVERY_MS,
} from '@flashclaim/core';
import type { RedisConnection } from '@flashclaim/service';
import { type Queue, UnrecoverableError } from 'bullmq';
import type { Plan } from './plan.ts';
import { ask, faulty, type Line, type Process, travel, type World } from './world.ts';

interface ModelJob {
  id: string;
  data: ClaimJob;
  attempts: number;
  attemptsMade: number;
  runs: number;
  state: 'wait' | 'active' | 'delayed' | 'finished';
  /** Who may finish it: a runner whose lock ran out may not. */
  lock?: object | undefined;
  finishedOn?: number;
  returnvalue?: unknown;
  failedReason?: string;
}

/** A job as its runner has it. */
export interface RunJob extends Pick<ModelJob, 'id' | 'data' | 'attemptsMade'> {
  processedOn: number;
  extendLock: () => Promise<number>;
}

/** What runs the jobs of one lane in one worker process, one after the other. */
export interface Runner {
  process: Process;
  run: (job: RunJob) => Promise<ClaimJobResult>;
  /** Redis has recorded that the job is done. */
  completed: (job: RunJob, result: ClaimJobResult) => void;
  busy: boolean;
}

interface Lane {
  jobs: Map<string, ModelJob>;
  wait: string[];
  runners: Set<Runner>;
  /** Gone with everything else that Redis forgets, until a worker says it again. */
  oneAtATime: boolean;
}

/** How much likelier than other faults it is that a worker stands still: seldom does one matter. */
const STANDS_STILL = 4;

type Outcome = { value: ClaimJobResult } | { error: unknown };

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** A line for each key, made when it is first needed. */
const linesByKey = () => {
  const lines = new Map<string, Line>();
  return (key: string): Line => {
    const line = lines.get(key) ?? { arrivesAt: 0 };
    lines.set(key, line);
    return line;
  };
};

/** What Redis and BullMQ do for the claim path: lanes with jobs, the answers' channels, and notes of pending claims. */
export class ModelRedis {
  readonly #world: World;
  /** Fewer than the API asks for make of a few seconds what is a long outage. */
  readonly #attemptsMax: number;
  readonly #lanes: Lane[];
  readonly #channels = new Map<string, (message: string) => void>();
  readonly #records = new Map<string, string>();
  /** Each time something was forgotten. */
  readonly forgotAtMs: number[] = [];
  /** Finished jobs that a lane keeps: fewer than in life make of a few jobs what is an hour. */
  readonly #keptMax: number;
  readonly #forgets: boolean;
  up = true;
  #lastResult: unknown;

  constructor(world: World, { lanes, attemptsMax, jobsKeptMax, redisForgets }: Plan) {
    this.#forgets = redisForgets;
    this.#attemptsMax = attemptsMax;
    this.#keptMax = jobsKeptMax;
    this.#world = world;
    this.#lanes = Array.from({ length: lanes }, () => ({
      ...{ jobs: new Map(), wait: [], runners: new Set<Runner>() },
      oneAtATime: true,
    }));
  }

  get idle(): boolean {
    return this.#lanes.every(({ jobs }) => [...jobs.values()].every(({ state }) => state === 'finished'));
  }

  /** The queue of a lane as a process has it. What it says of a job does not overtake what it said before of the same. */
  queue(lane: number, process: Process): Queue {
    const of = this.#lanes[lane] as Lane;
    const lineOf = linesByKey();
    return {
      add: (_name: string, data: ClaimJob, { jobId, attempts }: { jobId: string; attempts: number }) =>
        this.#ask(process, () => this.#add(of, { jobId, attempts, data: copy(data) }), lineOf(jobId)),
      getJob: (jobId: string) =>
        this.#ask(
          process,
          () => {
            const job = of.jobs.get(jobId);
            if (!job) return this.#world.plants.has('forgotten looks active') ? { id: jobId } : undefined;
            return job.state === 'finished' ? copy(job) : { id: jobId };
          },
          lineOf(jobId),
        ),
    } as unknown as Queue;
  }

  /** A connection as a process has it. What it says of a note does not overtake what it said before of the same. */
  connection(process: Process): RedisConnection {
    const lineOf = linesByKey();
    const write = (text: string, at: number, key: string) => {
      const kept = this.#records.get(key);
      if (kept === undefined || JSON.parse(kept).place.at <= at) this.#records.set(key, text);
      return null;
    };
    return {
      get: (key: string) => this.#ask(process, () => this.#records.get(key) ?? null),
      eval: (_script: string, _keys: number, key: string, text: string, at: number) =>
        this.#ask(process, () => write(text, at, key), lineOf(key)),
      del: (key: string) => this.#ask(process, () => (this.#records.delete(key) ? 1 : 0), lineOf(key)),
      publish: (channel: string, message: string) => this.#ask(process, () => this.#publish(channel, message)),
      ping: () => this.#ask(process, () => 'PONG'),
    } as unknown as RedisConnection;
  }

  subscribe(channel: string, hear: (message: string) => void): () => void {
    this.#channels.set(channel, hear);
    return () => this.#channels.delete(channel);
  }

  work(lane: number, runner: Runner): void {
    const of = this.#lanes[lane] as Lane;
    of.runners.add(runner);
    this.#dispatch(of);
  }

  /** A worker is killed: its jobs wait until their locks have run out and somebody looks. */
  abandon(process: Process): void {
    for (const lane of this.#lanes) {
      for (const runner of lane.runners) if (runner.process === process) lane.runners.delete(runner);
      for (const job of lane.jobs.values()) {
        const { lock } = job;
        if (job.state !== 'active' || (lock as { process?: Process })?.process !== process) continue;
        setTimeout(
          () => this.#loseLock(lane, job, lock),
          JOB_LOCK_MS + this.#world.random.int(0, JOB_STALLED_CHECK_MS),
        );
      }
    }
  }

  comeBack(): void {
    this.up = true;
    for (const lane of this.#lanes) this.#dispatch(lane);
  }

  /** Redis starts empty. */
  forgetAll(): void {
    if (!this.#forgets) return;
    const { met } = this.#world;
    for (const lane of this.#lanes) {
      met['forgotten jobs'] += lane.jobs.size;
      lane.jobs.clear();
      lane.wait = [];
      lane.oneAtATime = false;
      setTimeout(() => {
        lane.oneAtATime = true;
      }, ONE_AT_A_TIME_EVERY_MS);
    }
    this.#records.clear();
    this.forgotAtMs.push(performance.now());
  }

  /** One job is gone: a replica that took over did not have it yet, say. */
  forgetOne(): void {
    if (!this.#forgets) return;
    const lane = this.#world.random.pick(this.#lanes);
    if (lane.jobs.size === 0) return;
    this.#remove(lane, this.#world.random.pick([...lane.jobs.keys()]));
    this.forgotAtMs.push(performance.now());
  }

  #remove(lane: Lane, id: string): void {
    lane.jobs.delete(id);
    lane.wait = lane.wait.filter((one) => one !== id);
    this.#world.met['forgotten jobs']++;
    this.#dispatch(lane);
  }

  #ask<T>(process: Process, effect: () => T, line?: Line): Promise<T> {
    const arrive = () => {
      if (!this.up) throw new Error('Connection is closed.');
      if (!faulty(this.#world)) return effect();
      // It was done, and its answer is lost; or not.
      if (this.#world.random.chance(0.5)) effect();
      throw new Error('Connection is closed.');
    };
    return ask(this.#world, process, arrive, line);
  }

  /** A job id that is there is not added again: BullMQ says nothing then. */
  #add(lane: Lane, { jobId, attempts, data }: { jobId: string; attempts: number; data: ClaimJob }): void {
    if (lane.jobs.has(jobId)) return;
    lane.jobs.set(jobId, { id: jobId, data, attempts, attemptsMade: 0, runs: 0, state: 'wait' });
    lane.wait.push(jobId);
    this.#dispatch(lane);
  }

  #publish(channel: string, message: string): number {
    const hear = this.#channels.get(channel);
    if (!hear) return 0;
    const { random, met } = this.#world;
    if (faulty(this.#world)) {
      met['lost answers']++;
      return random.int(0, 1);
    }
    const times = faulty(this.#world) ? 2 : 1;
    if (times === 2) met['duplicate answers']++;
    for (let time = 0; time < times; time++)
      travel(this.#world, { name: 'redis', dead: false }, () => this.#channels.get(channel)?.(message));
    return 1;
  }

  #dispatch(lane: Lane): void {
    if (!this.up || lane.wait.length === 0) return;
    setTimeout(() => {
      if (!this.up) return;
      const active = [...lane.jobs.values()].filter(({ state }) => state === 'active').length;
      const free = [...lane.runners].filter((runner) => !runner.busy);
      if (free.length === 0 || (lane.oneAtATime && active > 0)) return;
      const job = lane.jobs.get(lane.wait.shift() ?? '');
      if (job) void this.#run(lane, job, this.#world.random.pick(free));
    }, 0);
  }

  async #run(lane: Lane, job: ModelJob, runner: Runner): Promise<void> {
    const { trace } = this.#world;
    const lock = { process: runner.process };
    job.state = 'active';
    job.lock = lock;
    runner.busy = true;
    trace(() => `${runner.process.name} runs ${job.id}`);
    this.#dispatch(lane);
    job.runs++;
    const { standsStillMs, lockedMs } = this.#troubleOfRun();
    if (lockedMs !== undefined) setTimeout(() => this.#loseLock(lane, job, lock), lockedMs);
    const taken = {
      ...{ id: job.id, data: this.#dataOf(job), attemptsMade: job.attemptsMade },
      // A lock that runs out sooner than in life seems to have been taken longer ago.
      processedOn: Date.now() + (lockedMs ?? JOB_LOCK_MS) - JOB_LOCK_MS,
      extendLock: () => this.#ask(runner.process, () => (lane.jobs.get(job.id)?.lock === lock ? 1 : 0)),
    };
    if (standsStillMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, standsStillMs));
    const outcome = await runner.run(taken).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.#reached(runner.process);
    // Nobody extended it any more.
    if (faulty(this.#world)) this.#loseLock(lane, job, lock);
    if (this.#finish(lane, job, lock, outcome)) this.#tellCompleted(runner, taken, outcome.value);
    runner.busy = false;
    this.#dispatch(lane);
  }

  /** The lock of a run that runs out, or a process that is stopped after it took a job and goes on when it has lost that. */
  #troubleOfRun(): { standsStillMs: number; lockedMs: number | undefined } {
    const { random, met, faultRate } = this.#world;
    if (!random.chance(STANDS_STILL * faultRate))
      return { standsStillMs: 0, lockedMs: faulty(this.#world) ? random.int(1, 60) : undefined };
    met['workers stood still']++;
    const standsStillMs = random.int(1, random.pick([100, 2 * JOB_LOCK_MS]));
    return { standsStillMs, lockedMs: random.int(0, standsStillMs) };
  }

  #dataOf({ data, runs }: ModelJob): ClaimJob {
    const given = copy(data);
    if (this.#world.plants.has('requests renamed'))
      for (const [index, request] of Object.entries(given.requests ?? {}))
        Object.assign(given.requests ?? {}, { [index]: `${request}, run ${runs}` });
    return given;
  }

  /** BullMQ's worker waits for Redis as long as it takes. A dead one waits for ever. */
  #reached(process: Process): Promise<void> {
    return new Promise((resolve) => {
      const arrive = () => {
        if (process.dead) return;
        if (this.up) resolve();
        else setTimeout(arrive, 50);
      };
      travel(this.#world, process, arrive);
    });
  }

  /** Where that gets lost, the runner asks again, and learns only that the job is not its own any more. */
  #tellCompleted(runner: Runner, job: RunJob, result: ClaimJobResult): void {
    if (faulty(this.#world)) return;
    travel(this.#world, { name: 'redis', dead: false }, () => {
      if (!runner.process.dead) runner.completed(job, result);
    });
  }

  /** Whether the job is done now, and its runner did that. */
  #finish(lane: Lane, job: ModelJob, lock: object, outcome: Outcome): outcome is { value: ClaimJobResult } {
    const { trace, random, plants } = this.#world;
    if (lane.jobs.get(job.id) !== job || job.lock !== lock) {
      trace(() => `${job.id} was finished by who had lost its lock, or it is forgotten`);
      return false;
    }
    job.lock = undefined;
    if ('error' in outcome) {
      this.#fail(lane, job, outcome.error as Error);
      return false;
    }
    const value = plants.has('result of another') ? (this.#lastResult ?? outcome.value) : outcome.value;
    this.#lastResult = outcome.value;
    Object.assign(job, { state: 'finished', finishedOn: Date.now(), returnvalue: copy(value) });
    this.#keep(lane, job);
    // That it was finished was not replicated when another node took over.
    if (this.#forgets && faulty(this.#world)) setTimeout(() => this.#deliverAgain(lane, job), random.int(1, 200));
    return true;
  }

  #fail(lane: Lane, job: ModelJob, error: Error): void {
    job.attemptsMade++;
    this.#world.trace(() => `${job.id} failed: ${error.message}`);
    if (error instanceof UnrecoverableError || job.attemptsMade >= Math.min(job.attempts, this.#attemptsMax)) {
      this.#world.met['failed jobs']++;
      Object.assign(job, { state: 'finished', finishedOn: Date.now(), failedReason: error.message });
      return;
    }
    job.state = 'delayed';
    setTimeout(() => this.#waitAgain(lane, job, 'delayed'), JOB_RETRY_DELAY_MS);
  }

  /** Of those that went well, the last few are kept. */
  #keep(lane: Lane, last: ModelJob): void {
    // The map holds them in the order in which they came; the one that has just finished counts as the last.
    lane.jobs.delete(last.id);
    lane.jobs.set(last.id, last);
    const kept = [...lane.jobs.values()].filter((job) => job.state === 'finished' && job.failedReason === undefined);
    for (const { id } of kept.slice(0, Math.max(0, kept.length - this.#keptMax))) {
      lane.jobs.delete(id);
      this.#world.met['removed jobs']++;
    }
  }

  #deliverAgain(lane: Lane, job: ModelJob): void {
    if (lane.jobs.get(job.id) !== job || job.state !== 'finished') return;
    this.#world.met['duplicate deliveries']++;
    delete job.finishedOn;
    delete job.returnvalue;
    delete job.failedReason;
    this.#waitAgain(lane, job, 'finished');
  }

  #loseLock(lane: Lane, job: ModelJob, lock: object | undefined): void {
    if (job.lock !== lock || lane.jobs.get(job.id) !== job) return;
    this.#world.met['lost locks']++;
    this.#world.trace(() => `${job.id} lost its lock and is run again`);
    job.lock = undefined;
    this.#waitAgain(lane, job, 'active', true);
  }

  #waitAgain(lane: Lane, job: ModelJob, from: ModelJob['state'], first = false): void {
    if (lane.jobs.get(job.id) !== job || job.state !== from) return;
    job.state = 'wait';
    if (first) lane.wait.unshift(job.id);
    else lane.wait.push(job.id);
    this.#dispatch(lane);
  }
}
