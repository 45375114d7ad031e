import { type ClaimJob, GLOBAL_CONCURRENCY_EVERY_MS, JOB_LOCK_MS, JOB_STALLED_CHECK_MS } from '@flashclaim/core';
import { UnrecoverableError } from 'bullmq';
import { runOn } from './wall-clock.ts';
import { faulty, type Process, travel, type World } from './world.ts';

/** The lock of a job: a runner that has lost it can't finish the job. */
interface Lock {
  process: Process;
  /** Whether its runner still works, and renews the lock. */
  running: boolean;
}

interface ModelJob {
  id: string;
  data: ClaimJob;
  attemptsMade: number;
  state: 'waiting' | 'active' | 'completed' | 'failed';
  lock?: Lock | undefined;
}

/** A job as its runner sees it. */
export interface RunJob extends Pick<ModelJob, 'id' | 'data' | 'attemptsMade'> {
  queueName: string;
}

/** Runs the jobs of one lane in one worker process, one after the other. */
export interface Runner {
  process: Process;
  run: (job: RunJob) => Promise<unknown>;
  busy: boolean;
}

export interface LaneOptions {
  world: World;
  /** Finished jobs that a lane keeps. Fewer than in production, so that a short run removes jobs too. */
  keptMax: number;
  /** Whether workers set the global concurrency of a lane to one. */
  isExclusive: boolean;
  /** Probability that a run loses its lock at once, so that the job runs twice at the same time. */
  doubleRuns: number;
  isUp: () => boolean;
  /** Called when jobs were added, so that workers find a lane that they do not serve yet. */
  jobAdded: () => void;
}

/** The contents of a lane at one moment. */
export interface LaneState {
  jobs: ReadonlyMap<string, Readonly<ModelJob>>;
  wait: readonly string[];
  globalConcurrency: boolean;
}

/** A worker pauses this much more often than other faults happen, because most pauses have no effect. */
const PAUSE_FACTOR = 4;

/** Pause before a worker tries again to reach Redis. */
const RECONNECT_MS = 50;

type Outcome = { value: unknown } | { error: unknown };

const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** A lane in Redis: its jobs, and BullMQ's operations on them. */
export class ModelLane {
  readonly #options: LaneOptions;
  readonly #name: string;
  readonly runners = new Set<Runner>();
  #jobs = new Map<string, ModelJob>();
  #wait: string[] = [];
  /** Lost with all other data of Redis, until a worker sets it again. */
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

  /** Does nothing for an existing job id, as BullMQ does. */
  add(id: string, data: ClaimJob): void {
    if (this.#jobs.has(id)) return;
    this.#jobs.set(id, { id, data: copy(data), attemptsMade: 0, state: 'waiting' });
    this.#wait.push(id);
    this.#options.jobAdded();
    this.dispatch();
  }

  stateOf(id: string): string {
    return this.#jobs.get(id)?.state ?? 'unknown';
  }

  /** Gives the next job to a free runner, if the concurrency allows it. */
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

  /** A worker is killed: its jobs wait until their locks expire and a worker finds them stalled. */
  abandon(process: Process): void {
    for (const runner of this.runners) if (runner.process === process) this.runners.delete(runner);
    for (const { id, state, lock } of this.#jobs.values())
      if (state === 'active' && lock?.process === process) this.#loseLockLater(id, lock);
  }

  /** Redis loses all data. Returns the number of lost jobs. */
  loseAll(): number {
    const lost = this.#jobs.size;
    this.#jobs.clear();
    this.#wait = [];
    this.#globalConcurrency = false;
    this.#restoreGlobalConcurrency();
    return lost;
  }

  /** Redis loses one job. */
  loseOne(): void {
    this.#drop(this.#options.world.random.pick([...this.#jobs.keys()]));
  }

  /** Does nothing for a job that a worker has locked, as BullMQ does. */
  remove(id: string): void {
    if (!this.#jobs.get(id)?.lock) this.#drop(id);
  }

  #drop(id: string): void {
    this.#jobs.delete(id);
    this.#wait = this.#wait.filter((one) => one !== id);
    this.dispatch();
  }

  state(): LaneState {
    const jobs = new Map([...this.#jobs].map(([id, job]) => [id, { ...job }]));
    return { jobs, wait: [...this.#wait], globalConcurrency: this.#globalConcurrency };
  }

  /** Restores an earlier state: writes since then are lost, although they were acknowledged. */
  restore({ jobs, wait, globalConcurrency }: LaneState): void {
    this.#jobs = new Map([...jobs].map(([id, job]) => [id, { ...job }]));
    this.#wait = [...wait];
    this.#globalConcurrency = globalConcurrency;
    this.#restoreGlobalConcurrency();
    for (const { id, state, lock } of this.#jobs.values())
      if (state === 'active' && lock && (!lock.running || lock.process.dead)) this.#loseLockLater(id, lock);
    if (this.#wait.length > 0) this.#options.jobAdded();
    this.dispatch();
  }

  get #active(): number {
    let active = 0;
    for (const { state } of this.#jobs.values()) if (state === 'active') active++;
    return active;
  }

  /** Workers set the global concurrency regularly. */
  #restoreGlobalConcurrency(): void {
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
    const { pauseMs, lockedMs } = this.#faultsOfRun();
    if (lockedMs !== undefined) setTimeout(() => this.#loseLock(id, lock), lockedMs);
    const jobOfRun = { id, data: job.data, attemptsMade: job.attemptsMade, queueName: this.#name };
    if (pauseMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, pauseMs));
    const outcome: Outcome = await runOn(runner.process, () => runner.run(jobOfRun)).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    await this.#redisReached(runner.process);
    lock.running = false;
    // The lock was not renewed in time.
    if (faulty(world)) this.#loseLock(id, lock);
    this.#finish(id, lock, outcome);
    runner.busy = false;
    this.dispatch();
  }

  /** Draws the faults of a run: its lock expires, or its process pauses after it took the job and loses the lock meanwhile. */
  #faultsOfRun(): { pauseMs: number; lockedMs: number | undefined } {
    const { world, doubleRuns } = this.#options;
    const { random, coverage, faultRate } = world;
    if (doubleRuns > 0 && random.chance(doubleRuns)) {
      coverage['double runs']++;
      return { pauseMs: 0, lockedMs: random.int(0, 5) };
    }
    if (!random.chance(PAUSE_FACTOR * faultRate))
      return { pauseMs: 0, lockedMs: faulty(world) ? random.int(1, 60) : undefined };
    coverage['paused workers']++;
    const pauseMs = random.int(1, random.pick([100, 2 * JOB_LOCK_MS]));
    return { pauseMs, lockedMs: random.int(0, pauseMs) };
  }

  /** Waits until the worker reaches Redis, as BullMQ does. Never resolves for a killed process. */
  #redisReached(process: Process): Promise<void> {
    return new Promise((resolve) => {
      const arrive = () => {
        if (process.dead) return;
        if (this.#options.isUp()) resolve();
        else setTimeout(arrive, RECONNECT_MS);
      };
      travel(this.#options.world, process, arrive);
    });
  }

  #finish(id: string, lock: Lock, outcome: Outcome): void {
    const { world } = this.#options;
    const job = this.#jobs.get(id);
    if (job?.lock !== lock) {
      world.trace(() => `${id} was finished by a worker without its lock, or is lost`);
      return;
    }
    job.lock = undefined;
    if ('error' in outcome) {
      this.#fail(job, outcome.error as Error);
      return;
    }
    job.state = 'completed';
    this.#keep(job);
    // A failover lost the write that finished it.
    if (faulty(world)) setTimeout(() => this.#deliverAgain(id), world.random.int(1, 200));
  }

  #fail(job: ModelJob, error: Error): void {
    job.attemptsMade++;
    this.#options.world.trace(() => `${job.id} failed: ${error.message}`);
    if (error instanceof UnrecoverableError) job.state = 'failed';
    else this.#waitAgain(job);
  }

  /** Keeps only the last few completed jobs. */
  #keep(last: ModelJob): void {
    // The map keeps insertion order; the job that has just finished moves to the end.
    this.#jobs.delete(last.id);
    this.#jobs.set(last.id, last);
    const kept = [...this.#jobs.values()].filter(({ state }) => state === 'completed');
    for (const { id } of kept.slice(0, Math.max(0, kept.length - this.#options.keptMax))) {
      this.#jobs.delete(id);
      this.#options.world.coverage['removed jobs']++;
    }
  }

  #deliverAgain(id: string): void {
    const job = this.#jobs.get(id);
    if (job?.state !== 'completed') return;
    this.#options.world.coverage['duplicate deliveries']++;
    this.#waitAgain(job);
  }

  #loseLockLater(id: string, lock: Lock): void {
    const { random } = this.#options.world;
    setTimeout(() => this.#loseLock(id, lock), JOB_LOCK_MS + random.int(0, JOB_STALLED_CHECK_MS));
  }

  #loseLock(id: string, lock: Lock): void {
    const job = this.#jobs.get(id);
    if (job?.lock !== lock) return;
    this.#options.world.coverage['lost locks']++;
    this.#options.world.trace(() => `${id} lost its lock and runs again`);
    job.lock = undefined;
    this.#waitAgain(job, true);
  }

  #waitAgain(job: ModelJob, first = false): void {
    job.state = 'waiting';
    if (first) this.#wait.unshift(job.id);
    else this.#wait.push(job.id);
    this.#options.jobAdded();
    this.dispatch();
  }
}
