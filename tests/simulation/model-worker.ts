import { buildJobPath, commitJobs, type runJob } from '@flashclaim/worker';
import type { RunJob } from './model-lane.ts';
import { modelMongo } from './model-mongo.ts';
import { logTo, type Stores } from './model-process.ts';
import { mutatedCommit, mutatedGroup } from './mutated-worker.ts';
import { runOn, type WallClock } from './wall-clock.ts';
import type { Process, World } from './world.ts';

type QueuedJob = Parameters<typeof runJob>[1];

/** A worker process: the job path of the worker, from its own `buildJobPath`, on model stores. */
export class WorkerProcess implements Process {
  readonly name: string;
  readonly clock: WallClock;
  dead = false;

  /** @param lanes the value of its CLAIM_LANES. */
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
    const { group, run } = buildJobPath({
      mongo: modelMongo(world, this, store),
      redis: model.connection(this),
      log: logTo(world, this),
      schema: { intact: async () => {} },
      commit: (parts, jobs) => mutatedCommit(world, store, jobs) ?? commitJobs(parts, jobs),
    });
    mutatedGroup(world, group);
    model.work(this, lanes, (job: RunJob) => run(job as unknown as QueuedJob));
  }
}
