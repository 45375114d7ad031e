import type { Job } from '@flashclaim/core';
import { CommitGroup, CouponMemory, commitJobs, processJob } from '@flashclaim/worker';
import type { RunJob } from './model-lane.ts';
import { modelMongo } from './model-mongo.ts';
import { logTo, type Stores } from './model-process.ts';
import { plantedCommit, plantedGroup } from './planted-worker.ts';
import { runOn, type WallClock } from './wall-clock.ts';
import type { Process, World } from './world.ts';

type QueuedJob = Parameters<typeof processJob>[1];

/** A worker process, put together as worker.ts does. */
export class WorkerProcess implements Process {
  readonly name: string;
  readonly clock: WallClock;
  dead = false;

  /** @param lanes as its CLAIM_LANES says. */
  constructor(
    name: string,
    clock: WallClock,
    { world, stores, lanes }: { world: World; stores: Stores; lanes: number },
  ) {
    this.name = name;
    this.clock = clock;
    runOn(this, () => this.#start(world, stores, lanes));
  }

  crash(): void {
    this.dead = true;
  }

  #start(world: World, { store, redis: model }: Stores, lanes: number): void {
    const mongo = modelMongo(world, this, store);
    const memory = new CouponMemory();
    const commit = (jobs: readonly Job[]) => plantedCommit(world, store, jobs) ?? commitJobs({ mongo, memory }, jobs);
    const group = plantedGroup(world, new CommitGroup(commit));
    const parts = { group, redis: model.connection(this), log: logTo(world, this) };
    model.work(this, lanes, (job: RunJob) => processJob(parts, job as unknown as QueuedJob));
  }
}
