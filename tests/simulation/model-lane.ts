import { type ClaimJob, GLOBAL_CONCURRENCY_EVERY_MS, JOB_LOCK_MS, JOB_STALLED_CHECK_MS } from '@flashclaim/core';
import { UnrecoverableError } from 'bullmq';
import { runOn } from './wall-clock.ts';
import { faulty, type Process, travel, type World } from './world.ts';

/** By which a runner has a job: one whose lock ran out may not finish it. */
interface Lock {
  process: Process;
  /** Its runner has not ended yet, and renews it. */
  running: boolean;
}

interface ModelJob {
  id: string;
  data: ClaimJob;
  attemptsMade: number;
  state: 'waiting' | 'active' | 'completed' | 'failed';
  lock?: Lock | undefined;
}

/** A job as its runner has it. */
export interface RunJob extends Pick<ModelJob, 'id' | 'data' | 'attemptsMade'> {
  queueName: string;
}

/** What runs the jobs of one lane in one worker process, one after the other. */
export interface Runner {
  process: Process;
  run: (job: RunJob) => Promise<unknown>;
  busy: boolean;
}

export interface LaneOptions {
  world: World;
  /** Finished jobs that a lane keeps: fewer than in life make of a few jobs what is an hour. */
  keptMax: number;
  /** Whether anybody sees to it that one job runs at a time. */
  isExclusive: boolean;
  /** How likely a run loses its lock at once, so that the job runs twice at the same time. */
  doubleRuns: number;
  isUp: () => boolean;
  /** Jobs have come, so workers that do not know the lane will look. */
  jobCame: () => void;
}

/** What a lane holds at one moment. */
export interface LaneState {
  jobs: ReadonlyMap<string, Readonly<ModelJob>>;
  wait: readonly string[];
  globalConcurrency: boolean;
}

/** How much likelier than other faults it is that a worker stands still: seldom does one matter. */
const STANDS_STILL = 4;

/** How soon a worker tries again to reach Redis. */
const REACH_AGAIN_MS = 50;

type Outcome = { value: unknown } | { error: unknown };

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** A lane in Redis: its jobs, and what BullMQ does with them. */
export class ModelLane {
  readonly #options: LaneOptions;
  readonly #name: string;
  readonly runners = new Set<Runner>();
  #jobs = new Map<string, ModelJob>();
  #wait: string[] = [];
  /** Gone with everything else that Redis forgets, until a worker says it again. */
  #globalConcurrency: boolean;

  constructor(lane: number, options: LaneOptions) {
    this.#name = `lane-${lane}`;
    this.#options = options;
    this.#globalConcurrency = options.isExclusive;
  }

  get idle(): boolean {
    for (const { state } of this.#jobs.values()) if (state === 'waiting' || state === 'active') return false;
    return true;
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** A job id that is there is not added again: BullMQ says nothing then. */
  add(id: string, data: ClaimJob): void {
    if (this.#jobs.has(id)) return;
    this.#jobs.set(id, { id, data: copy(data), attemptsMade: 0, state: 'waiting' });
    this.#wait.push(id);
    this.#options.jobCame();
    this.dispatch();
  }

  stateOf(id: string): string {
    return this.#jobs.get(id)?.state ?? 'unknown';
  }

  /** Hands the next job to a runner that is free, if it may run. */
  dispatch(): void {
    if (!this.#options.isUp() || this.#wait.length === 0) return;
    setTimeout(() => {
      if (!this.#options.isUp()) return;
      const free = [...this.runners].filter((runner) => !runner.busy);
      if (free.length === 0 || (this.#globalConcurrency && this.#active > 0)) return;
      const job = this.#jobs.get(this.#wait.shift() ?? '');
      if (job) void this.#run(job, this.#options.world.random.pick(free));
      else this.dispatch();
    }, 0);
  }

  /** A worker is killed: its jobs wait until their locks have run out and somebody looks. */
  abandon(process: Process): void {
    for (const runner of this.runners) if (runner.process === process) this.runners.delete(runner);
    for (const { id, state, lock } of this.#jobs.values())
      if (state === 'active' && lock?.process === process) this.#loseLockLater(id, lock);
  }

  /** Redis starts empty. Returns how many jobs are gone. */
  forgetAll(): number {
    const gone = this.#jobs.size;
    this.#jobs.clear();
    this.#wait = [];
    this.#globalConcurrency = false;
    this.#restoreOneAtATime();
    return gone;
  }

  /** One job is gone. */
  forgetOne(): void {
    const { random } = this.#options.world;
    const id = random.pick([...this.#jobs.keys()]);
    this.#jobs.delete(id);
    this.#wait = this.#wait.filter((one) => one !== id);
    this.dispatch();
  }

  state(): LaneState {
    const jobs = new Map([...this.#jobs].map(([id, job]) => [id, { ...job }]));
    return { jobs, wait: [...this.#wait], globalConcurrency: this.#globalConcurrency };
  }

  /** All is again as it was then: what was acknowledged since is lost. */
  restore({ jobs, wait, globalConcurrency }: LaneState): void {
    this.#jobs = new Map([...jobs].map(([id, job]) => [id, { ...job }]));
    this.#wait = [...wait];
    this.#globalConcurrency = globalConcurrency;
    this.#restoreOneAtATime();
    for (const { id, state, lock } of this.#jobs.values())
      if (state === 'active' && lock && (!lock.running || lock.process.dead)) this.#loseLockLater(id, lock);
    if (this.#wait.length > 0) this.#options.jobCame();
    this.dispatch();
  }

  get #active(): number {
    let active = 0;
    for (const { state } of this.#jobs.values()) if (state === 'active') active++;
    return active;
  }

  /** Workers say it regularly. */
  #restoreOneAtATime(): void {
    if (!this.#options.isExclusive) return;
    setTimeout(() => {
      this.#globalConcurrency = true;
    }, GLOBAL_CONCURRENCY_EVERY_MS);
  }

  async #run(job: ModelJob, runner: Runner): Promise<void> {
    const { world } = this.#options;
    const { id } = job;
    const lock: Lock = { process: runner.process, running: true };
    Object.assign(job, { state: 'active', lock });
    runner.busy = true;
    world.trace(() => `${runner.process.name} runs ${id}`);
    this.dispatch();
    const { standsStillMs, lockedMs } = this.#troubleOfRun();
    if (lockedMs !== undefined) setTimeout(() => this.#loseLock(id, lock), lockedMs);
    const taken = { id, data: job.data, attemptsMade: job.attemptsMade, queueName: this.#name };
    if (standsStillMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, standsStillMs));
    const outcome: Outcome = await runOn(runner.process, () => runner.run(taken)).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.#reached(runner.process);
    lock.running = false;
    // Nobody renewed it any more.
    if (faulty(world)) this.#loseLock(id, lock);
    this.#finish(id, lock, outcome);
    runner.busy = false;
    this.dispatch();
  }

  /** The lock of a run that runs out, or a process that is stopped after it took a job and goes on when it has lost that. */
  #troubleOfRun(): { standsStillMs: number; lockedMs: number | undefined } {
    const { world, doubleRuns } = this.#options;
    const { random, met, faultRate } = world;
    if (doubleRuns > 0 && random.chance(doubleRuns)) {
      met['double runs']++;
      return { standsStillMs: 0, lockedMs: random.int(0, 5) };
    }
    if (!random.chance(STANDS_STILL * faultRate))
      return { standsStillMs: 0, lockedMs: faulty(world) ? random.int(1, 60) : undefined };
    met['workers stood still']++;
    const standsStillMs = random.int(1, random.pick([100, 2 * JOB_LOCK_MS]));
    return { standsStillMs, lockedMs: random.int(0, standsStillMs) };
  }

  /** BullMQ's worker waits for Redis as long as it takes. A dead one waits for ever. */
  #reached(process: Process): Promise<void> {
    return new Promise((resolve) => {
      const arrive = () => {
        if (process.dead) return;
        if (this.#options.isUp()) resolve();
        else setTimeout(arrive, REACH_AGAIN_MS);
      };
      travel(this.#options.world, process, arrive);
    });
  }

  #finish(id: string, lock: Lock, outcome: Outcome): void {
    const { world } = this.#options;
    const job = this.#jobs.get(id);
    if (job?.lock !== lock) {
      world.trace(() => `${id} was finished by a worker that had lost it, or it is forgotten`);
      return;
    }
    job.lock = undefined;
    if ('error' in outcome) {
      this.#fail(job, outcome.error as Error);
      return;
    }
    job.state = 'completed';
    this.#keep(job);
    // That it was finished was not replicated when another node took over.
    if (faulty(world)) setTimeout(() => this.#deliverAgain(id), world.random.int(1, 200));
  }

  #fail(job: ModelJob, error: Error): void {
    job.attemptsMade++;
    this.#options.world.trace(() => `${job.id} failed: ${error.message}`);
    if (error instanceof UnrecoverableError) job.state = 'failed';
    else this.#waitAgain(job);
  }

  /** Of those that went well, the last few are kept. */
  #keep(last: ModelJob): void {
    // The map holds them in the order in which they came; the one that has just finished counts as the last.
    this.#jobs.delete(last.id);
    this.#jobs.set(last.id, last);
    const kept = [...this.#jobs.values()].filter(({ state }) => state === 'completed');
    for (const { id } of kept.slice(0, Math.max(0, kept.length - this.#options.keptMax))) {
      this.#jobs.delete(id);
      this.#options.world.met['removed jobs']++;
    }
  }

  #deliverAgain(id: string): void {
    const job = this.#jobs.get(id);
    if (job?.state !== 'completed') return;
    this.#options.world.met['duplicate deliveries']++;
    this.#waitAgain(job);
  }

  #loseLockLater(id: string, lock: Lock): void {
    const { random } = this.#options.world;
    setTimeout(() => this.#loseLock(id, lock), JOB_LOCK_MS + random.int(0, JOB_STALLED_CHECK_MS));
  }

  #loseLock(id: string, lock: Lock): void {
    const job = this.#jobs.get(id);
    if (job?.lock !== lock) return;
    this.#options.world.met['lost locks']++;
    this.#options.world.trace(() => `${id} lost its lock and is run again`);
    job.lock = undefined;
    this.#waitAgain(job, true);
  }

  #waitAgain(job: ModelJob, first = false): void {
    job.state = 'waiting';
    if (first) this.#wait.unshift(job.id);
    else this.#wait.push(job.id);
    this.#options.jobCame();
    this.dispatch();
  }
}
