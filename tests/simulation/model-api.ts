import { ClaimPath, replyToClaim, StoreWatch, toProblem, WaitingClaim } from '@flashclaim/api';
import type { ClaimStatus } from '@flashclaim/core';
import { answersChannel } from '@flashclaim/lanes';
import { withTimeout } from '@flashclaim/runtime';
import { DatabaseClock } from '@flashclaim/store';
import { modelMongo } from './model-mongo.ts';
import { logTo, type Stores } from './model-process.ts';
import { plantedClock, plantedFind, plantedStatus } from './planted-api.ts';
import { runOn, type WallClock } from './wall-clock.ts';
import type { Process, World } from './world.ts';

/** How long callers wait here before they are told `pending`: short, so that they often are. */
const WAIT_MS = 400;
const PENDING_MAX = 1_000;

/** How long a process that starts waits for the database before it asks again. */
const START_AGAIN_MS = 100;

export interface ClaimSent {
  requestId: string;
  userId: string;
  couponName: string;
  key: string | undefined;
  waitMs: number | undefined;
}

export interface Told {
  status: number;
  code?: string | undefined;
  claimId?: string | undefined;
  replayed: boolean;
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

/** An API process: the claim path of the API on model stores. */
export class ApiProcess implements Process {
  readonly name: string;
  readonly clock: WallClock;
  readonly clocksConfused: boolean;
  dead = false;
  readonly #parts: ReturnType<typeof startApi>;
  /** Those who wait for an answer, and hear of a crash by their broken connections. */
  readonly #callers = new Set<(error: Error) => void>();

  /** @param lanes as its CLAIM_LANES says. */
  constructor(
    name: string,
    clock: WallClock,
    { world, stores, lanes }: { world: World; stores: Stores; lanes: number },
  ) {
    this.name = name;
    this.clock = clock;
    this.clocksConfused = world.plants.has('wall clock instead of monotonic clock');
    this.#parts = runOn(this, () => startApi(world, stores, this, lanes));
  }

  /** Resolves once it takes claims, as it knows the database's time, or has died before. */
  ready(): Promise<boolean> {
    return runOn(this, this.#parts.ready);
  }

  /** Nothing that was taken is undecided. */
  get idle(): boolean {
    return this.#parts.claimPath.admission.capacity === PENDING_MAX;
  }

  /** Rejects where the process dies first. */
  claim(sent: ClaimSent): Promise<Told> {
    return this.#answered(() => this.#claim(sent));
  }

  status(claimId: string): Promise<ClaimStatus | null> {
    return this.#answered(() => this.#parts.status(claimId));
  }

  /** The connection on which answers come was down. */
  hearAgain(): void {
    runOn(this, () => this.#parts.claimPath.recover());
  }

  crash(): void {
    this.dead = true;
    this.#parts.close();
    for (const hear of this.#callers) hear(new Error('connection closed'));
  }

  #answered<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#callers.add(reject);
      runOn(this, call)
        .then(resolve, reject)
        .finally(() => this.#callers.delete(reject));
    });
  }

  async #claim({ requestId, userId, couponName, key, waitMs }: ClaimSent): Promise<Told> {
    const { claimPath } = this.#parts;
    const reply = newReply(requestId);
    const fastifyReply = reply as unknown as Parameters<typeof replyToClaim>[0];
    const keyed = key === undefined ? undefined : { key, requestId };
    const claim = claimPath.submit({ userId, couponName, keyed, waitMs });
    const body: object =
      claim instanceof WaitingClaim
        ? replyToClaim(fastifyReply, claim, await claimPath.answer(claim))
        : toProblem(fastifyReply, claim.code, claim.detail);
    const { code, claim_id: claimId } = body as { code?: string; claim_id?: string };
    return { status: reply.status, code, claimId, replayed: reply.replayed };
  }
}

const startApi = (world: World, { store, redis: model }: Stores, process: ApiProcess, laneCount: number) => {
  const log = logTo(world, process);
  const mongo = modelMongo(world, process, store);
  const redis = model.connection(process);
  const databaseClock = new DatabaseClock();
  const stores = {
    redis: new StoreWatch({ name: 'Redis', ask: () => redis.ping(), isFault: () => true, log }),
    mongo: new StoreWatch({ name: 'MongoDB', ask: () => databaseClock.ask(mongo.db), isFault: () => false, log }),
  };
  const claimPath = new ClaimPath({
    queues: Array.from({ length: laneCount }, (_, lane) => model.queue(lane, process)),
    ...{ mongo, stores, log, waitMaxMs: WAIT_MS, pendingMax: PENDING_MAX },
    databaseClock: plantedClock(world, databaseClock),
    eventLoop: { isSlow: false },
    arePendingClaimsFull: () => false,
    find: plantedFind(world),
  });
  const endAnswers = model.subscribe(process, answersChannel(claimPath.processId), (message) =>
    claimPath.receive(message),
  );
  const status = async (claimId: string) =>
    plantedStatus({ world, store, redis: model }, await claimPath.status(claimId), laneCount);
  const ready = async () => {
    for (;;) {
      const asked = await withTimeout(START_AGAIN_MS, databaseClock.ask(mongo.db)).then(
        () => true,
        () => false,
      );
      if (process.dead || asked) return !process.dead;
      await new Promise<void>((resolve) => setTimeout(resolve, START_AGAIN_MS));
    }
  };
  const close = () => {
    claimPath.close();
    endAnswers();
    stores.redis.close();
    stores.mongo.close();
  };
  return { claimPath, status, ready, close };
};
