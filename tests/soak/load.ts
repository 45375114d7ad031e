import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimCall } from '@flashclaim/audit';
import { LANES_DEFAULT, laneOf } from '@flashclaim/core';
import type { Random } from '../simulation/random.ts';
import { type ClaimOptions, HistoryRecorder } from '../support/history.ts';

const CALLERS = 16;

/** Callers think. With so many of them, some two hundred requests a second in all. */
const PAUSE_MAX_MS = 120;

/** Who was turned away comes back after this, until it is decided or this often. */
const AGAIN_MS = 100;
const TRIES_MAX = 100;

/** Who is told `pending` asks so often what became of it. */
const ASKS_MAX = 5;

const HOT_UNITS = 3_000;
const FLASH_UNITS = 60;
const COLD_COUPONS = 100;
const COLD_UNITS = 4;
const PROBE_UNITS = 100_000;

export interface LoadOptions {
  /** Of this generation: it begins the names. */
  name: string;
  random: Random;
  /** Where callers reach the living APIs, at each moment. */
  urls: () => string[];
}

/**
 * The callers of one generation of coupons, of every kind, and the history of what they were told. With it they are forgotten,
 * so that hours take no more memory than a minute.
 */
export class SoakLoad {
  readonly history = new HistoryRecorder();
  /** How often each was told. */
  readonly told = new Map<string, number>();
  readonly #options: LoadOptions;
  readonly #probes: string[] = [];
  #callers: Promise<void>[] = [];
  #turn = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { name } = this.#options;
    const create = (coupon: string, amount: number) => this.history.create(this.#url(), coupon, amount);
    await create(`${name}-hot`, HOT_UNITS);
    await create(`${name}-flash`, FLASH_UNITS);
    for (let i = 0; i < COLD_COUPONS; i++) await create(`${name}-cold-${i}`, COLD_UNITS);
    for (let i = 0; this.#probes.length < LANES_DEFAULT; i++) {
      const coupon = `${name}-probe-${i}`;
      if (laneOf(coupon, LANES_DEFAULT) === this.#probes.length) this.#probes.push(coupon);
    }
    for (const coupon of this.#probes) await create(coupon, PROBE_UNITS);
    this.#callers = Array.from({ length: CALLERS }, () => this.#callOn());
  }

  /** Resolves once nobody calls any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  /** Claims in every lane at once. Resolves to how long it took until each is decided, in ms, in order. */
  async probe(): Promise<number[]> {
    const sentAt = performance.now();
    const took = this.#probes.map(async (coupon) => {
      const user = this.#user();
      await this.#untilTold(coupon, user, { key: `${coupon}/${user}` });
      return performance.now() - sentAt;
    });
    return (await Promise.all(took)).sort((a, b) => a - b);
  }

  async #callOn(): Promise<void> {
    while (!this.#stopped) {
      await this.#callOnce();
      await sleep(this.#options.random.int(0, PAUSE_MAX_MS));
    }
  }

  async #callOnce(): Promise<void> {
    const { random } = this.#options;
    const kind = random.int(0, 99);
    const coupon = this.#coupon();
    const user = this.#user();
    const key = `${coupon}/${user}`;
    if (kind < 25) await this.#untilTold(coupon, user, { key });
    else if (kind < 45) await this.#untilTold(coupon, user, {});
    else if (kind < 55) await Promise.all([this.#claim(coupon, user), this.#claim(coupon, user)]);
    else if (kind < 63) await Promise.all([1, 2, 3].map(() => this.#claim(coupon, user, { key })));
    else if (kind < 69) await this.#follow(await this.#claim(coupon, user, { prefer: 'respond-async' }));
    else if (kind < 72) await this.#untilTold(coupon, user, { key, prefer: 'respond-async' });
    else if (kind < 75) await this.#followTwice(coupon, user, { key, prefer: 'respond-async' });
    else if (kind < 78) await this.#claim(coupon, user, { key, prefer: 'wait=1' });
    else if (kind < 85) await this.#hangUp(coupon, user, random.chance(0.7) ? { key } : {});
    else if (kind < 88) await this.#claim(coupon, `again-${random.int(0, 200)}`);
    else if (kind < 90) {
      await this.#untilTold(coupon, user, { key });
      await this.#claim(coupon, 'who found the key', { key });
    } else if (kind < 96) await this.history.read(this.#url(), coupon);
    else await this.#sellNew();
  }

  /** A coupon that is claimed before it is there, at once when it is, and by more than get one; by one of them under the same key. */
  async #sellNew(): Promise<void> {
    const coupon = `${this.#options.name}-new-${++this.#turn}`;
    const users = [1, 2, 3].map(() => this.#user());
    const early = this.#user();
    const askEarly = () => this.#claim(coupon, early, { key: `${coupon}/${early}`, prefer: 'respond-async' });
    await this.#claim(coupon, this.#user());
    await this.#follow(await askEarly());
    const [created] = await Promise.all([
      this.history.create(this.#url(), coupon, 2),
      this.#claim(coupon, this.#user()),
    ]);
    if (created.status === 201)
      await Promise.all([
        ...users.map((user) => this.#claim(coupon, user)),
        askEarly().then((call) => this.#follow(call)),
      ]);
    await this.history.read(this.#url(), coupon);
  }

  async #hangUp(coupon: string, user: string, options: ClaimOptions): Promise<void> {
    const signal = AbortSignal.timeout(this.#options.random.int(1, 30));
    await this.#claim(coupon, user, { ...options, signal });
    if (this.#options.random.chance(0.7)) await this.#untilTold(coupon, user, options);
  }

  /** Asks again with the same key, or as the same user, until it is decided: each time of another process, as behind a load balancer. */
  async #untilTold(coupon: string, user: string, options: ClaimOptions): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const { status = 503 } = await this.#claim(coupon, user, options);
      if (status < 500 && (status !== 202 || options.prefer !== undefined)) return;
      await sleep(AGAIN_MS);
    }
  }

  /** Asks what became of a claim, each time of another process, and also once it is decided: what is final stays so. */
  async #follow({ status, claimId }: ClaimCall): Promise<void> {
    if (status !== 202 || claimId === undefined) return;
    for (let asks = this.#options.random.int(1, ASKS_MAX); asks > 0; asks--) {
      await this.history.status(this.#url(), claimId);
      await sleep(this.#options.random.int(0, PAUSE_MAX_MS));
    }
  }

  /** Comes again with the same key while the first request is followed: the second may be decided otherwise. */
  async #followTwice(coupon: string, user: string, options: ClaimOptions): Promise<void> {
    const first = await this.#claim(coupon, user, options);
    await Promise.all([this.#follow(first), this.#claim(coupon, user, options).then((again) => this.#follow(again))]);
  }

  async #claim(coupon: string, user: string, options: ClaimOptions = {}): Promise<ClaimCall> {
    const call = await this.history.claim(this.#url(), coupon, user, options);
    const what = whatWasTold(call);
    this.told.set(what, (this.told.get(what) ?? 0) + 1);
    return call;
  }

  #coupon(): string {
    const { name, random } = this.#options;
    const which = random.next();
    if (which < 0.4) return `${name}-hot`;
    return which < 0.55 ? `${name}-flash` : `${name}-cold-${random.int(0, COLD_COUPONS - 1)}`;
  }

  #user(): string {
    return `user-${++this.#turn}`;
  }

  #url(): string {
    return this.#options.random.pick(this.#options.urls());
  }
}

const whatWasTold = ({ status, code, replayed, error }: ClaimCall): string => {
  if (status === undefined) return error?.includes('abort') ? 'hung up' : 'connection lost';
  if (status === 200) return replayed ? '200 claimed, replayed' : '200 claimed';
  return `${status} ${code}`;
};
