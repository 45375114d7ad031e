import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimCall } from '@flashclaim/audit';
import { laneOf } from '@flashclaim/core';
import type { Random } from '../simulation/random.ts';
import { type ClaimOptions, HistoryRecorder, type SaleSettings } from '../support/history.ts';
import { LANES } from './faults.ts';

const CALLERS = 16;

/** Longest pause of a caller. Together the callers send some two hundred requests a second. */
const PAUSE_MAX_MS = 120;

/** Pause before a retry, and the largest number of attempts. */
const RETRY_MS = 100;
const ATTEMPTS_MAX = 100;

/** Most polls of a pending claim. */
const POLLS_MAX = 5;

const HOT_UNITS = 3_000;
const FLASH_UNITS = 60;
/** The coupon whose settings change. The others stay open, so that they sell out. */
const CHANGING_UNITS = 60;
const COLD_COUPONS = 100;
const COLD_UNITS = 4;
const PROBE_UNITS = 100_000;
/** A coupon in each of the most lanes is one in each lane of fewer, too. */
const PROBES = Math.max(...LANES);

/** Claims in one page of a list. */
const PAGE = 200;

/** Longest pause of a sale, and the largest distance of a window from now. */
const CLOSED_MAX_MS = 500;

export interface LoadOptions {
  /** The name of this generation. The names of its coupons begin with it. */
  name: string;
  random: Random;
  /** The URLs of the running APIs at this moment. */
  urls: () => string[];
}

/**
 * Callers of every kind for one generation of coupons, and the history of their calls. Each generation has a new load, so that
 * memory does not grow with the time.
 */
export class SoakLoad {
  readonly history = new HistoryRecorder();
  /** The number of each kind of answer to a claim, a release and a change. */
  readonly answers = new Map<string, number>();
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
    await create(`${name}-changing`, CHANGING_UNITS);
    for (let i = 0; this.#probes.length < PROBES; i++) {
      const coupon = `${name}-probe-${i}`;
      if (laneOf(coupon, PROBES) === this.#probes.length) this.#probes.push(coupon);
    }
    for (const coupon of this.#probes) await create(coupon, PROBE_UNITS);
    this.#callers = Array.from({ length: CALLERS }, () => this.#callRepeatedly());
  }

  /** Stops the callers. Resolves after their last call. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#callers);
  }

  /** Claims in every lane at once. Resolves to the times until each is decided, in ms, sorted. */
  async probe(): Promise<number[]> {
    const sentAt = performance.now();
    const took = this.#probes.map(async (coupon) => {
      const user = this.#user();
      await this.#untilDecided(coupon, user, { key: `${coupon}/${user}` });
      return performance.now() - sentAt;
    });
    return (await Promise.all(took)).sort((a, b) => a - b);
  }

  async #callRepeatedly(): Promise<void> {
    while (!this.#stopped) {
      await this.#callOnce();
      await sleep(this.#options.random.int(0, PAUSE_MAX_MS));
    }
  }

  async #callOnce(): Promise<void> {
    const { random } = this.#options;
    if (random.chance(0.15)) return this.#manage();
    const kind = random.int(0, 99);
    const coupon = this.#coupon();
    const user = this.#user();
    const key = `${coupon}/${user}`;
    if (kind < 25) await this.#untilDecided(coupon, user, { key });
    else if (kind < 45) await this.#untilDecided(coupon, user, {});
    else if (kind < 55) await Promise.all([this.#claim(coupon, user), this.#claim(coupon, user)]);
    else if (kind < 63) await Promise.all([1, 2, 3].map(() => this.#claim(coupon, user, { key })));
    else if (kind < 69) await this.#follow(await this.#claim(coupon, user, { prefer: 'respond-async' }));
    else if (kind < 72) await this.#untilDecided(coupon, user, { key, prefer: 'respond-async' });
    else if (kind < 75) await this.#followTwice(coupon, user, { key, prefer: 'respond-async' });
    else if (kind < 78) await this.#claim(coupon, user, { key, prefer: 'wait=1' });
    else if (kind < 85) await this.#hangUp(coupon, user, random.chance(0.7) ? { key } : {});
    else if (kind < 88) await this.#claim(coupon, `again-${random.int(0, 200)}`);
    else if (kind < 90) {
      await this.#untilDecided(coupon, user, { key });
      await this.#claim(coupon, 'another user of the key', { key });
    } else if (kind < 96) await this.history.read(this.#url(), coupon);
    else await this.#sellNew();
  }

  /** Releases a unit, changes the settings of a coupon, or lists the claims of one. */
  async #manage(): Promise<void> {
    const { random, name } = this.#options;
    const kind = random.int(0, 99);
    if (kind < 70) await this.#claimAndRelease(this.#coupon(), this.#user());
    else if (kind < 90) {
      const settings = this.#settings();
      await this.#change(`${name}-changing`, settings);
      if (!settings.paused) return;
      await sleep(random.int(0, CLOSED_MAX_MS));
      await this.#change(`${name}-changing`, { paused: false });
    } else {
      const only = random.pick([undefined, 'claimed', 'released'] as const);
      await this.history.listClaims(this.#url(), this.#coupon(), only, PAGE);
    }
  }

  /** Gets a unit, releases it, perhaps twice at the same time, and claims again: under the same key, another one, or none. */
  async #claimAndRelease(coupon: string, user: string): Promise<void> {
    const { random } = this.#options;
    const key = `${coupon}/${user}`;
    const { claimId, status } = await this.#claim(coupon, user, { key });
    if (claimId === undefined || (status !== undefined && status >= 300)) return;
    const calls = random.pick([[1], [1], [1, 2]]);
    const released = await Promise.all(calls.map(() => this.history.release(this.#url(), claimId)));
    for (const call of released) this.#count(`release: ${call.status ?? 'connection lost'} ${call.code ?? ''}`);
    await this.#untilDecided(coupon, user, random.pick([{ key }, { key: `${key}/again` }, {}]));
  }

  async #change(coupon: string, settings: SaleSettings): Promise<void> {
    const { status, code } = await this.history.change(this.#url(), coupon, settings);
    this.#count(`change: ${status ?? 'connection lost'} ${code ?? ''}`);
  }

  #settings(): SaleSettings {
    const { random } = this.#options;
    const soon = () => new Date(Date.now() + random.int(-CLOSED_MAX_MS, CLOSED_MAX_MS)).toISOString();
    return random.pick<() => SaleSettings>([
      () => ({ amount: random.int(CHANGING_UNITS / 2, 2 * CHANGING_UNITS) }),
      () => ({ paused: true }),
      () => ({ starts_at: soon(), ends_at: null }),
      () => ({ starts_at: null, ends_at: soon() }),
      () => ({ starts_at: null, ends_at: null, paused: false }),
    ])();
  }

  /** Creates a coupon that is claimed before, during and after its creation, by more users than it has units. One uses the same key twice. */
  async #sellNew(): Promise<void> {
    const coupon = `${this.#options.name}-new-${++this.#turn}`;
    const users = [1, 2, 3].map(() => this.#user());
    const early = this.#user();
    const claimEarly = () => this.#claim(coupon, early, { key: `${coupon}/${early}`, prefer: 'respond-async' });
    await this.#claim(coupon, this.#user());
    await this.#follow(await claimEarly());
    const [created] = await Promise.all([
      this.history.create(this.#url(), coupon, 2),
      this.#claim(coupon, this.#user()),
    ]);
    if (created.status === 201)
      await Promise.all([
        ...users.map((user) => this.#claim(coupon, user)),
        claimEarly().then((call) => this.#follow(call)),
      ]);
    await this.history.read(this.#url(), coupon);
  }

  async #hangUp(coupon: string, user: string, options: ClaimOptions): Promise<void> {
    const signal = AbortSignal.timeout(this.#options.random.int(1, 30));
    await this.#claim(coupon, user, { ...options, signal });
    if (this.#options.random.chance(0.7)) await this.#untilDecided(coupon, user, options);
  }

  /** Retries with the same key, or as the same user, until the claim is decided. Each attempt goes to a random process. */
  async #untilDecided(coupon: string, user: string, options: ClaimOptions): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { status = 503 } = await this.#claim(coupon, user, options);
      if (status < 500 && (status !== 202 || options.prefer !== undefined)) return;
      await sleep(RETRY_MS);
    }
  }

  /** Polls the status of a claim at random processes, also after it is decided: a final status must not change. */
  async #follow({ status, claimId }: ClaimCall): Promise<void> {
    if (status !== 202 || claimId === undefined) return;
    for (let polls = this.#options.random.int(1, POLLS_MAX); polls > 0; polls--) {
      await this.history.status(this.#url(), claimId);
      await sleep(this.#options.random.int(0, PAUSE_MAX_MS));
    }
  }

  /** Claims twice with the same key and polls both: the second request may have another outcome. */
  async #followTwice(coupon: string, user: string, options: ClaimOptions): Promise<void> {
    const first = await this.#claim(coupon, user, options);
    await Promise.all([this.#follow(first), this.#claim(coupon, user, options).then((again) => this.#follow(again))]);
  }

  async #claim(coupon: string, user: string, options: ClaimOptions = {}): Promise<ClaimCall> {
    const call = await this.history.claim(this.#url(), coupon, user, options);
    this.#count(describeAnswer(call));
    return call;
  }

  #count(answer: string): void {
    const what = answer.trimEnd();
    this.answers.set(what, (this.answers.get(what) ?? 0) + 1);
  }

  #coupon(): string {
    const { name, random } = this.#options;
    const which = random.next();
    if (which < 0.4) return `${name}-hot`;
    if (which < 0.5) return `${name}-flash`;
    return which < 0.6 ? `${name}-changing` : `${name}-cold-${random.int(0, COLD_COUPONS - 1)}`;
  }

  #user(): string {
    return `user-${++this.#turn}`;
  }

  #url(): string {
    return this.#options.random.pick(this.#options.urls());
  }
}

const describeAnswer = ({ status, code, replayed, error }: ClaimCall): string => {
  if (status === undefined) return error?.includes('abort') ? 'hung up' : 'connection lost';
  if (status === 200) return replayed ? '200 claimed, replayed' : '200 claimed';
  return `${status} ${code}`;
};
