import { setTimeout as sleep } from 'node:timers/promises';
import { HEALTH_CHECK_MS, LIVE_FRAME_EVERY_MS } from '@flashclaim/core';
import { type RedisConnection, withTimeout } from '@flashclaim/runtime';
import type { Mongo } from '@flashclaim/store';
import type { Queue } from 'bullmq';
import type { StoreWatch } from '../../stores/store-watch.ts';
import { AnswerHistory, STEP_MS } from './answer-history.ts';
import { compareCoupons } from './compare-coupons.ts';
import { CouponReader } from './coupon-reader.ts';
import { findAlerts } from './find-alerts.ts';
import type { LiveState, Step } from './live-state.ts';
import { countWorkers, readLanes } from './read-lanes.ts';
import { SaleReader, type SoldCoupon } from './sale-reader.ts';

/** How often lanes, workers and the list of coupons are read while a live page is open. */
const LIVE_READ_EVERY_MS = 1_000;

/** How often the claims of the coupons on the page are counted and compared with their stock. */
const LIVE_COMPARE_EVERY_MS = 2_000;

/** The pause between two such counts, as a multiple of the duration of the first. */
const LIVE_COMPARE_PAUSE_TIMES = 50;

export interface LiveReaderOptions {
  mongo: Mongo;
  redis: RedisConnection;
  stores: { mongo: StoreWatch; redis: StoreWatch };
  lanes: readonly Queue[];
  claimsInLanes: () => number[];
  testSales: boolean;
  /** How many pages are open. */
  pages: () => number;
  /** Sends the pages an update, or everything to those that missed one. */
  send: (update: LiveState, whole: () => LiveState) => void;
}

/** Reads what live pages show, once for all open pages. Without a page it reads nothing. */
export class LiveReader {
  readonly #options: LiveReaderOptions;
  readonly #answers = new AnswerHistory();
  #coupons: CouponReader;
  #sales: SaleReader;
  /** Ends the running loop. */
  #end: AbortController | undefined;
  #inspectedAt = 0;
  #compareAt = 0;
  #sentStep = 0;
  #sold: SoldCoupon | undefined;
  #known: Pick<LiveState, 'coupons' | 'comparison' | 'lanes' | 'workers'> = nothing();

  constructor(options: LiveReaderOptions) {
    this.#options = options;
    this.#coupons = new CouponReader(options.mongo);
    this.#sales = new SaleReader(options.mongo);
  }

  start(): void {
    this.stop();
    this.#known = nothing();
    this.#coupons = new CouponReader(this.#options.mongo);
    this.#sales = new SaleReader(this.#options.mongo);
    this.#sold = undefined;
    this.#inspectedAt = this.#compareAt = Number.NEGATIVE_INFINITY;
    this.#answers.open();
    this.#end = new AbortController();
    void this.#run(this.#end.signal);
  }

  stop(): void {
    this.#end?.abort();
    if (this.#end) this.#answers.close();
    this.#end = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const startedAt = performance.now();
      await this.#read(startedAt);
      if (signal.aborted) return;
      this.#send();
      const pauseMs = Math.max(1, startedAt + LIVE_FRAME_EVERY_MS - performance.now());
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Never throws: where a read fails, the page shows the earlier values, and an alert says why. */
  async #read(now: number): Promise<void> {
    const isInspection = now - this.#inspectedAt >= LIVE_READ_EVERY_MS;
    if (isInspection) this.#inspectedAt = now;
    await Promise.all([
      withTimeout(HEALTH_CHECK_MS, this.#readMongo(isInspection, now)).catch(() => {}),
      isInspection ? withTimeout(HEALTH_CHECK_MS, this.#readRedis()).catch(() => this.#clearRedis()) : undefined,
    ]);
  }

  async #readMongo(isInspection: boolean, now: number): Promise<void> {
    const { stores } = this.#options;
    if (isInspection) await stores.mongo.answer(() => this.#coupons.find());
    const { shown, now: databaseTime } = await stores.mongo.answer(() => this.#coupons.read());
    const at = this.#answers.now;
    this.#sold = await stores.mongo.answer(() => this.#sales.read({ shown, at, now: databaseTime }));
    this.#known.coupons = { at, shown };
    if (isInspection) this.#answers.keep(new Set(shown.map(({ name }) => name)));
    // Not awaited, because it would delay the stock.
    if (now >= this.#compareAt) void this.#compare(now);
  }

  async #compare(startedAt: number): Promise<void> {
    const { mongo, stores } = this.#options;
    const known = this.#known;
    this.#compareAt = Number.POSITIVE_INFINITY;
    try {
      const compared = await stores.mongo.answer(() => compareCoupons(mongo, this.#coupons.shown));
      known.comparison = { at: this.#answers.now, ...compared };
    } catch {
      // The page keeps the earlier comparison, with its time.
    }
    const took = performance.now() - startedAt;
    this.#compareAt = startedAt + Math.max(LIVE_COMPARE_EVERY_MS, LIVE_COMPARE_PAUSE_TIMES * took);
  }

  async #readRedis(): Promise<void> {
    const { redis, stores, lanes, claimsInLanes } = this.#options;
    const [first] = lanes;
    const [shown, workers] = await stores.redis.answer(() =>
      Promise.all([readLanes(redis, claimsInLanes()), countWorkers(first as Queue, redis).catch(() => undefined)]),
    );
    this.#known.lanes = shown;
    this.#known.workers = workers;
  }

  #clearRedis(): void {
    this.#known.lanes = this.#known.workers = undefined;
  }

  #send(): void {
    const { stores, claimsInLanes, testSales, pages, send } = this.#options;
    const at = this.#answers.now;
    this.#answers.update(at);
    const claims = claimsInLanes();
    // The watch may know that Redis is down before a read fails.
    if (stores.redis.isDown) this.#clearRedis();
    const lanes = this.#known.lanes?.map((lane) => ({ ...lane, claimsHere: claims[lane.lane] ?? 0 }));
    const known = { ...this.#known, lanes, at };
    const top = known.coupons?.shown.find(({ id }) => id === this.#sold?.couponId);
    const state = {
      ...known,
      testSales,
      pages: pages(),
      sale: this.#sold && top && { ...this.#sold, answers: this.#answers.answersOf(top.name) },
      stepMs: STEP_MS,
      answers: this.#answers.answers(claims.reduce((sum, count) => sum + count, 0)),
      alerts: findAlerts({
        ...known,
        redisDown: stores.redis.isDown,
        mongoDown: stores.mongo.isDown,
        rejectedShare: this.#answers.rejectedShare,
      }),
    };
    const { steps, runningStep } = this.#answers;
    const newSteps = steps.filter(([begin]: Step) => begin > this.#sentStep);
    this.#sentStep = steps.at(-1)?.[0] ?? 0;
    send({ ...state, steps: [...newSteps, runningStep] }, () => ({ ...state, steps: [...steps, runningStep] }));
  }
}

const nothing = () => ({ coupons: undefined, comparison: undefined, lanes: undefined, workers: undefined });
