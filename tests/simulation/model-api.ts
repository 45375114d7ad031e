import {
  createSubmit,
  findClaim,
  Gather,
  Intake,
  LaneJobs,
  rememberPending,
  replyToClaim,
  StoreWatch,
  tellPending,
  toProblem,
  WaitingClaim,
} from '@flashclaim/api';
import {
  answersChannel,
  type ClaimJobResult,
  type ClaimStatus,
  JOBS_UNDER_WAY_MAX,
  type JobAnswer,
} from '@flashclaim/core';
import type { Logger, Mongo, RedisConnection } from '@flashclaim/service';
import { CommitGroup, CouponMemory, commitClaims, jobCompleted, processJob } from '@flashclaim/worker';
import { modelMongo } from './model-mongo.ts';
import type { ModelRedis, RunJob } from './model-redis.ts';
import type { ModelStore } from './model-store.ts';
import type { Process, World } from './world.ts';

type Settled = NonNullable<Parameters<typeof rememberPending>[2]>;

/** How long callers wait here before they are told `pending`: short, so that they often are. */
const WAIT_MS = 400;
const PENDING_MAX = 1_000;

const logTo = (world: World, { name }: Process): Logger => {
  const log = (fields: unknown, text?: string) =>
    world.trace(() => `${name} says: ${text ?? ''} ${JSON.stringify(fields)}`);
  return { warn: log, info: log, debug: log } as unknown as Logger;
};

export interface Stores {
  store: ModelStore;
  redis: ModelRedis;
  lanes: number;
}

export interface ClaimSent {
  requestId: string;
  userId: string;
  couponName: string;
  key: string | undefined;
  waitMs: number | undefined;
}

/** When its caller was told so, and when its process heard what became of it. */
interface PendingClaim {
  toldAtMs?: number;
  settledAtMs?: number;
  decided?: boolean;
}

export interface Told {
  status: number;
  code?: string | undefined;
  claimId?: string | undefined;
  replayed: boolean;
  /** The claim of which nothing is known yet: its caller may ask for it by this id. */
  unknownId?: string | undefined;
}

/** An answer on its way out, as far as the claim path knows Fastify's. */
const newReply = (requestId: string) => {
  const reply = {
    request: { id: requestId, log: { debug: () => {} } },
    status: 200,
    replayed: false,
    code: (status: number) => {
      reply.status = status;
      return reply;
    },
    header: (name: string) => {
      if (name === 'idempotency-replayed') reply.replayed = true;
      return reply;
    },
    type: () => reply,
  };
  return reply;
};

/** An API process: the claim path's own parts, put together as plugins/claims.ts and plugins/stores.ts do. */
export class ApiProcess implements Process {
  readonly name: string;
  dead = false;
  diedAtMs = Number.POSITIVE_INFINITY;
  /** The claims that it told to be pending. */
  readonly pending = new Map<string, PendingClaim>();
  readonly #parts: ReturnType<typeof startApi>;
  /** Those who wait for an answer, and hear of a crash by their broken connections. */
  readonly #callers = new Set<(error: Error) => void>();

  constructor(name: string, world: World, stores: Stores) {
    this.name = name;
    this.#parts = startApi(world, stores, this);
  }

  /** Nothing that was taken is undecided. */
  get idle(): boolean {
    return this.#parts.intake.room === PENDING_MAX;
  }

  /** Rejects where the process dies first. */
  claim(sent: ClaimSent): Promise<Told> {
    return this.#heard(() => this.#answer(sent));
  }

  status(claimId: string): Promise<ClaimStatus | null> {
    return this.#heard(() => findClaim(this.#parts.from, claimId));
  }

  /** The connection on which answers come was away. */
  hearAgain(): void {
    this.#parts.jobs.lookAtSilent(0);
  }

  crash(): void {
    this.dead = true;
    this.diedAtMs = performance.now();
    this.#parts.close();
    for (const hear of this.#callers) hear(new Error('connection closed'));
  }

  note(claimId: string, what: PendingClaim): void {
    this.pending.set(claimId, { ...this.pending.get(claimId), ...what });
  }

  #heard<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#callers.add(reject);
      call()
        .then(resolve, reject)
        .finally(() => this.#callers.delete(reject));
    });
  }

  /** What routes/claims.ts does. */
  async #answer({ requestId, userId, couponName, key, waitMs }: ClaimSent): Promise<Told> {
    const { submit, from, plants } = this.#parts;
    const reply = newReply(requestId);
    const fastifyReply = reply as unknown as Parameters<typeof replyToClaim>[0];
    const keyed = key === undefined ? undefined : { key, requestId };
    const claim = submit({ userId, couponName, keyed, waitMs });
    let body: object;
    let unknownId: string | undefined;
    if (claim instanceof WaitingClaim) {
      let answer = await claim.answer;
      if (answer === 'pending') {
        answer = await tellPending(from, claim);
        if (plants.has('owed notes forgotten')) claim.noteOwed = false;
        this.note(claim.id, { toldAtMs: performance.now() });
        if (answer === 'unknown') unknownId = claim.id;
      }
      body = replyToClaim(fastifyReply, claim, answer);
    } else body = toProblem(fastifyReply, claim.code, claim.detail);
    const { code, claim_id: claimId } = body as { code?: string; claim_id?: string };
    return { status: reply.status, code, claimId, replayed: reply.replayed, unknownId };
  }
}

const startApi = (world: World, { store, redis: model, lanes: count }: Stores, process: ApiProcess) => {
  const { met, plants } = world;
  const log = logTo(world, process);
  const mongo = modelMongo(world, process, store);
  const redis = model.connection(process);
  const stores = {
    redis: new StoreWatch({ name: 'Redis', ask: () => redis.ping(), isFault: () => true, log }),
    mongo: new StoreWatch({ name: 'MongoDB', ask: () => pingOf(mongo), isFault: () => false, log }),
  };
  const lanes = Array.from({ length: count }, (_, lane) => model.queue(lane, process));
  const from = { redis, mongo, lanes, log, stores };
  const note = (...noted: [WaitingClaim, Settled?]): void => {
    rememberPending(from, ...noted).catch((error: Error) => log.warn(error.message));
  };
  const pendingAgain = (claim: WaitingClaim) => {
    met['renewed notes']++;
    return plants.has('notes not renewed') && !claim.noteOwed ? Promise.resolve() : rememberPending(from, claim);
  };
  const settledLate = (claim: WaitingClaim, settled: Settled) => {
    met['late decisions']++;
    process.note(claim.id, { settledAtMs: performance.now(), decided: typeof settled === 'object' });
    if (!plants.has('late decisions unnoted')) note(claim, settled);
  };
  const jobs = new LaneJobs({ lanes, mongo, redis: stores.redis, log, pendingAgain });
  const endAnswers = model.subscribe(answersChannel(jobs.processId), (message) => {
    const { jobId, result, committedAt } = JSON.parse(message) as JobAnswer;
    jobs.answer(jobId, result, committedAt);
  });
  const intake = new Intake({ ...stores, loop: { slow: false }, pendingMax: PENDING_MAX });
  const gathers = lanes.map(
    (_, lane) => new Gather({ underWayMax: JOBS_UNDER_WAY_MAX, send: (claims) => jobs.send(lane, claims) }),
  );
  stores.redis.onChange((away) => {
    if (away) for (const gather of gathers) gather.sendAll();
    else jobs.lookAtSilent(0);
  });
  const submit = createSubmit({
    ...{ gathers, mongo, mongoWatch: stores.mongo, log, waitMaxMs: WAIT_MS, intake },
    settledLate,
  });
  const close = () => {
    jobs.close();
    endAnswers();
    stores.redis.close();
    stores.mongo.close();
  };
  return { submit, jobs, intake, from, plants, close };
};

const pingOf = (mongo: Mongo): Promise<unknown> => mongo.coupons.find({ name: { $in: [] } }).toArray();

/** A worker process, put together as worker.ts does. */
export class WorkerProcess implements Process {
  readonly name: string;
  dead = false;

  constructor(name: string, world: World, { store, redis: model, lanes }: Stores) {
    this.name = name;
    const mongo = modelMongo(world, this, store);
    const memory = new CouponMemory();
    const grantsLost = world.plants.has('lost jobs granted');
    const group = new CommitGroup((claims, holds) =>
      commitClaims({ mongo, memory, holds: grantsLost ? async () => true : holds }, claims),
    );
    const redis: RedisConnection = model.connection(this);
    const log = logTo(world, this);
    const tooEarly = world.plants.has('refused before completion');
    type Job = Parameters<typeof processJob>[1];
    const completed = (job: RunJob, result: ClaimJobResult) =>
      jobCompleted({ redis, log }, job as unknown as Job, result);
    const run = async (job: RunJob): Promise<ClaimJobResult> => {
      const result = await processJob({ group, redis, log }, job as unknown as Job, 'token');
      if (tooEarly) completed(job, result);
      return result;
    };
    for (let lane = 0; lane < lanes; lane++)
      model.work(lane, { process: this, busy: false, run, completed: tooEarly ? () => {} : completed });
  }

  crash(): void {
    this.dead = true;
  }
}
