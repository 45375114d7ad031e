import {
  ClaimPath,
  CouponChanges,
  CouponReads,
  findCouponId,
  listClaimsOfCoupon,
  ProblemError,
  releaseClaim,
  replyToClaim,
  StoreDownError,
  StoreWatch,
  toProblem,
  WaitingClaim,
} from '@flashclaim/api';
import type { ClaimCall, SettingsCall } from '@flashclaim/audit';
import { CLAIMED_BY_MAX, type ClaimStatus, type Coupon, type CouponChange, type Problem } from '@flashclaim/core';
import { answersChannel } from '@flashclaim/lanes';
import { withTimeout } from '@flashclaim/runtime';
import { DatabaseClock } from '@flashclaim/store';
import { MongoError } from 'mongodb';
import { modelMongo } from './model-mongo.ts';
import { logTo, type Stores } from './model-process.ts';
import { mutatedClock, mutatedFind, mutatedPage, mutatedRead, mutatedReads, mutatedStatus } from './mutated-api.ts';
import { runOn, type WallClock } from './wall-clock.ts';
import type { Process, World } from './world.ts';

/** The wait of callers before the answer `pending`: short, so that this happens often. */
const WAIT_MS = 400;
const PENDING_MAX = 1_000;

/** Timeout and pause of a starting process that reads the database time. */
const START_RETRY_MS = 100;

export interface ClaimRequest {
  requestId: string;
  userId: string;
  couponName: string;
  key: string | undefined;
  waitMs: number | undefined;
}

/** An answer: its HTTP status, and its body. */
export interface Answer {
  status: number;
  body: Partial<ClaimStatus> & Partial<Omit<Problem, 'done'>> & Pick<ClaimCall, 'done'>;
  replayed: boolean;
}

type Query = Parameters<typeof listClaimsOfCoupon>[2];
type ListQuery = Omit<Query, 'after'> & { after: string | null | undefined };
type ListPage = Awaited<ReturnType<typeof listClaimsOfCoupon>>;

/** The answer to a change of settings. */
type ChangeAnswer = Pick<SettingsCall, 'status' | 'code' | 'version' | 'done'>;

/** A Fastify reply with the methods that the claim path uses. */
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

const toFastifyReply = (reply: ReturnType<typeof newReply>) => reply as unknown as Parameters<typeof replyToClaim>[0];

/** An API process: the API's own `ClaimPath` on model stores. */
export class ApiProcess implements Process {
  readonly name: string;
  readonly clock: WallClock;
  readonly usesWallClockForIntervals: boolean;
  dead = false;
  readonly #parts: ReturnType<typeof startApi>;
  /** Rejects the call of each waiting caller: a crash breaks its connection. */
  readonly #callers = new Set<(error: Error) => void>();

  /** @param lanes the value of its CLAIM_LANES. */
  constructor(
    name: string,
    clock: WallClock,
    { world, stores, lanes }: { world: World; stores: Stores; lanes: number },
  ) {
    this.name = name;
    this.clock = clock;
    this.usesWallClockForIntervals = world.mutations.has('wall clock instead of monotonic clock');
    this.#parts = runOn(this, () => startApi(world, stores, this, lanes));
  }

  /** Resolves to true once it knows the database time and is ready, or to false if it crashed before. */
  ready(): Promise<boolean> {
    return runOn(this, this.#parts.ready);
  }

  /** Whether no admitted claim is undecided. */
  get idle(): boolean {
    return this.#parts.claimPath.admission.capacity === PENDING_MAX;
  }

  /** Rejects if the process crashes before it answers. */
  claim(request: ClaimRequest): Promise<Answer> {
    return this.#untilAnswered(() => this.#claim(request));
  }

  release(claimId: string): Promise<Answer> {
    return this.#untilAnswered(async () => {
      const reply = newReply('release');
      const fastifyReply = toFastifyReply(reply);
      const body = await releaseClaim(fastifyReply, this.#parts.claimPath, claimId, ({ code, detail }) =>
        toProblem(fastifyReply, code, detail),
      );
      return { status: reply.status, body: body as Answer['body'], replayed: false };
    });
  }

  /** A page of the claims of a coupon. Rejects where there is no such coupon. */
  list(name: string, { after, ...query }: ListQuery): Promise<ListPage> {
    return this.#untilAnswered(async () => {
      const { mongo, world } = this.#parts;
      const couponId = await findCouponId(mongo, name);
      if (!couponId) throw new Error('there is no such coupon');
      const page = await listClaimsOfCoupon(mongo, couponId, { ...query, after: after ?? undefined });
      return mutatedPage(world, couponId.toHexString(), page);
    });
  }

  change(name: string, change: CouponChange): Promise<ChangeAnswer> {
    return this.#untilAnswered(async () => {
      try {
        const changed = await this.#parts.changes.change(name, change, new AbortController().signal);
        const { outcome } = changed;
        if (outcome === 'changed' || outcome === 'unchanged') return { status: 200, version: changed.coupon.version };
        if (outcome === 'ends_before_start') return { status: 400, code: 'invalid_request' };
        return { status: outcome === 'coupon_not_found' ? 404 : 409, code: outcome };
      } catch (error) {
        if (error instanceof StoreDownError || error instanceof ProblemError)
          return { status: 503, code: 'unavailable', done: 'nothing' };
        if (error instanceof MongoError) return { status: 503, code: 'unavailable', done: 'unknown' };
        throw error;
      }
    });
  }

  /** Rejects where MongoDB does not answer. */
  read(name: string): Promise<Coupon | undefined> {
    return this.#untilAnswered(async () => {
      const answer = await this.#parts.read(name, CLAIMED_BY_MAX);
      return answer && JSON.parse(String(answer.body));
    });
  }

  status(claimId: string): Promise<ClaimStatus | null> {
    return this.#untilAnswered(() => this.#parts.status(claimId));
  }

  /** The connection for answers was down and is back. */
  recover(): void {
    runOn(this, () => this.#parts.claimPath.recover());
  }

  crash(): void {
    this.dead = true;
    this.#parts.close();
    for (const reject of this.#callers) reject(new Error('connection closed'));
  }

  #untilAnswered<T>(call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#callers.add(reject);
      runOn(this, call)
        .then(resolve, reject)
        .finally(() => this.#callers.delete(reject));
    });
  }

  async #claim({ requestId, userId, couponName, key, waitMs }: ClaimRequest): Promise<Answer> {
    const { claimPath } = this.#parts;
    const reply = newReply(requestId);
    const fastifyReply = toFastifyReply(reply);
    const keyed = key === undefined ? undefined : { key, requestId };
    const claim = claimPath.submit({ userId, couponName, keyed, waitMs });
    const body =
      claim instanceof WaitingClaim
        ? replyToClaim(fastifyReply, claim, await claimPath.answer(claim))
        : toProblem(fastifyReply, claim.code, claim.detail);
    return { status: reply.status, body: body as Answer['body'], replayed: reply.replayed };
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
    mongo: mutatedReads(world, mongo),
    stores,
    log,
    waitMaxMs: WAIT_MS,
    pendingMax: PENDING_MAX,
    databaseClock: mutatedClock(world, databaseClock),
    eventLoop: { isSlow: false },
    arePendingClaimsFull: () => false,
    find: mutatedFind(world),
  });
  const unsubscribe = model.subscribe(process, answersChannel(claimPath.processId), (message) =>
    claimPath.receive(message),
  );
  const status = async (claimId: string) =>
    mutatedStatus({ world, store, redis: model }, await claimPath.status(claimId), laneCount);
  const ready = async () => {
    for (;;) {
      const isKnown = await withTimeout(START_RETRY_MS, databaseClock.ask(mongo.db)).then(
        () => true,
        () => false,
      );
      if (process.dead || isKnown) return !process.dead;
      await new Promise<void>((resolve) => setTimeout(resolve, START_RETRY_MS));
    }
  };
  const close = () => {
    claimPath.close();
    unsubscribe();
    stores.redis.close();
    stores.mongo.close();
  };
  const reads = new CouponReads({ mongo, mongoWatch: stores.mongo });
  const read = mutatedRead(world, (name, usersMax) => reads.read(name, usersMax));
  return { world, claimPath, mongo, changes: new CouponChanges(mongo), read, status, ready, close };
};
