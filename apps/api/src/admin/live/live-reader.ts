import { setTimeout as sleep } from 'node:timers/promises';
import { HEALTH_CHECK_MS, LIVE_FRAME_EVERY_MS } from '@flashclaim/core';
import { type RedisConnection, withTimeout } from '@flashclaim/runtime';
import type { Mongo } from '@flashclaim/store';
import type { Queue } from 'bullmq';
import type { StoreWatch } from '../../stores/store-watch.ts';
import { AnswerBoard } from './answer-board.ts';
import { compareCoupons } from './compare-coupons.ts';
import { CouponBoard } from './coupon-board.ts';
import { findAlerts } from './find-alerts.ts';
import { countWorkers, lookAtLanes } from './lane-board.ts';
import type { LiveState, Second } from './live-state.ts';

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
  /** Takes what is new, and a way to tell all. */
  tell: (news: LiveState, whole: () => LiveState) => void;
}

/** Reads what live pages show: one reader for all of them, and none where no page is open. */
export class LiveReader {
  readonly #options: LiveReaderOptions;
  readonly #answers = new AnswerBoard();
  #coupons: CouponBoard;
  /** Ends the loop that is running. */
  #end: AbortController | undefined;
  #lookedAt = 0;
  #compareAt = 0;
  #toldSecond = 0;
  #known: Pick<LiveState, 'coupons' | 'comparison' | 'lanes' | 'workers'> = nothing();

  constructor(options: LiveReaderOptions) {
    this.#options = options;
    this.#coupons = new CouponBoard(options.mongo);
  }

  start(): void {
    this.stop();
    this.#known = nothing();
    this.#coupons = new CouponBoard(this.#options.mongo);
    this.#lookedAt = this.#compareAt = Number.NEGATIVE_INFINITY;
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
      this.#tell();
      const pauseMs = Math.max(1, startedAt + LIVE_FRAME_EVERY_MS - performance.now());
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Never throws: what can't be read now is shown as it was, and the alerts say why. */
  async #read(now: number): Promise<void> {
    const isTimeToLook = now - this.#lookedAt >= LIVE_READ_EVERY_MS;
    if (isTimeToLook) this.#lookedAt = now;
    await Promise.all([
      withTimeout(HEALTH_CHECK_MS, this.#readMongo(isTimeToLook, now)).catch(() => {}),
      isTimeToLook ? withTimeout(HEALTH_CHECK_MS, this.#readRedis()).catch(() => this.#forgetRedis()) : undefined,
    ]);
  }

  async #readMongo(isTimeToLook: boolean, now: number): Promise<void> {
    const { stores } = this.#options;
    const ask = <T>(question: () => Promise<T>): Promise<T> => stores.mongo.answer(question);
    if (isTimeToLook) await ask(() => this.#coupons.find());
    const shown = await ask(() => this.#coupons.read());
    this.#known.coupons = { at: this.#answers.now, shown };
    // Not waited for: the stock must not be late for it.
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
      // What was compared before stands, with its time.
    }
    const took = performance.now() - startedAt;
    this.#compareAt = startedAt + Math.max(LIVE_COMPARE_EVERY_MS, LIVE_COMPARE_PAUSE_TIMES * took);
  }

  async #readRedis(): Promise<void> {
    const { redis, stores, lanes, claimsInLanes } = this.#options;
    const [first] = lanes;
    const [looks, workers] = await stores.redis.answer(() =>
      Promise.all([lookAtLanes(redis, claimsInLanes()), countWorkers(first as Queue, redis).catch(() => undefined)]),
    );
    this.#known.lanes = looks;
    this.#known.workers = workers;
  }

  #forgetRedis(): void {
    this.#known.lanes = this.#known.workers = undefined;
  }

  #tell(): void {
    const { stores, claimsInLanes, testSales, pages, tell } = this.#options;
    const at = this.#answers.now;
    this.#answers.look(at);
    const claims = claimsInLanes();
    // It is known to be away before a look at it has failed.
    if (stores.redis.isDown) this.#forgetRedis();
    const lanes = this.#known.lanes?.map((lane) => ({ ...lane, claimsHere: claims[lane.lane] ?? 0 }));
    const known = { ...this.#known, lanes, at };
    const away = { redisDown: stores.redis.isDown, mongoDown: stores.mongo.isDown };
    const state = {
      ...known,
      ...{ testSales, pages: pages() },
      answers: this.#answers.answers(claims.reduce((sum, count) => sum + count, 0)),
      alerts: findAlerts({ ...known, ...away, overloadedAt: this.#answers.overloadedAt }),
    };
    const seconds = this.#answers.seconds;
    const news = seconds.filter(([time]: Second) => time > this.#toldSecond);
    this.#toldSecond = seconds.at(-1)?.[0] ?? 0;
    tell({ ...state, seconds: news }, () => ({ ...state, seconds }));
  }
}

const nothing = () => ({ coupons: undefined, comparison: undefined, lanes: undefined, workers: undefined });
