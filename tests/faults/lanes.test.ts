import { setTimeout as sleep } from 'node:timers/promises';
import type { ClaimCall } from '@flashclaim/audit';
import { handlerTimeoutMs, laneOf } from '@flashclaim/core';
import type { ProcessHandle } from '@flashclaim/local-stack';
import { afterEach, expect, test } from 'vitest';
import { call, claim, countStatuses, createCoupon } from '../support/call-api.ts';
import { HistoryRecorder } from '../support/history.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** Longer than any worker takes to start. */
const WAIT_MS = 20_000;
const ASYNC = { prefer: 'respond-async' };
const CALLERS = 8;
const PAUSE_MS = 20;
/** Enough for every lane to have some, whatever their number. */
const COUPONS = Array.from({ length: 48 }, (_, i) => `coupon-${i}`);
/** They are sold out in mid-test; the others never are. */
const SCARCE = COUPONS.slice(0, 8);

let system: System;
afterEach(() => system?.close());

const lanes = (count: number) => ({ CLAIM_LANES: `${count}` });
const statusOf = async (url: string, claimId: string | undefined): Promise<string> =>
  (await call(`${url}/api/claims/${claimId}`, 'GET')).body.status;

/** Jobs in Redis that are not finished, by the keys of their lanes. */
const unfinished = async (): Promise<string[]> =>
  (await system.stores.redis.keys('*:lane-*')).filter((key) => /:(wait|active|delayed|prioritized|paused)$/.test(key));

const stopWorker = async (): Promise<void> => {
  system.workerUrls.shift();
  await (system.workers.shift() as ProcessHandle).stop();
};
/** The APIs that callers ask: those that have started and do not stop, as behind a load balancer. */
let balanced: string[];
const addApi = async (count: number): Promise<void> => void balanced.push(await system.addApi(lanes(count)));
const stopApi = async (): Promise<void> => {
  balanced.shift();
  system.urls.shift();
  await (system.apis.shift() as ProcessHandle).stop();
};
const replaceWorkers = async (count: number): Promise<void> => {
  for (let i = 0; i < 2; i++) {
    await system.addWorker(lanes(count));
    await stopWorker();
  }
};
const replaceApis = async (count: number): Promise<void> => {
  for (let i = 0; i < 2; i++) {
    await addApi(count);
    await stopApi();
  }
};

/** Callers who claim all coupons in turn, each time as another user; some under a key, some who do not wait. */
class Sale {
  readonly history = new HistoryRecorder();
  /** The answers to callers who waited. */
  readonly waited: ClaimCall[] = [];
  /** The answers to those who did not wait. */
  readonly pending: ClaimCall[] = [];
  #turn = 0;
  #over = false;
  #callers: Promise<void>[] = [];

  async start(): Promise<void> {
    const [url] = system.urls as [string];
    for (const coupon of COUPONS) await this.history.create(url, coupon, SCARCE.includes(coupon) ? 20 : 100_000);
    this.#callers = Array.from({ length: CALLERS }, () => this.#call());
  }

  /** Resolves once so many more claims were answered. */
  async goesOn(claims: number): Promise<void> {
    const target = this.waited.length + this.pending.length + claims;
    await until(async () => this.waited.length + this.pending.length >= target);
  }

  /** Claims one unit of each coupon that has enough, without waiting. */
  async leavePending(): Promise<void> {
    for (const coupon of COUPONS.filter((name) => !SCARCE.includes(name))) await this.#claim(coupon, ASYNC);
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#callers);
  }

  async #call(): Promise<void> {
    while (!this.#over) {
      const coupon = COUPONS[this.#turn % COUPONS.length] as string;
      await this.#claim(coupon, this.#turn % 10 === 0 && !SCARCE.includes(coupon) ? ASYNC : {});
      await sleep(PAUSE_MS);
    }
  }

  async #claim(coupon: string, options: { prefer?: string }): Promise<void> {
    const turn = this.#turn++;
    const url = balanced[turn % balanced.length] as string;
    const key = turn % 3 === 0 ? { key: `key-${turn}` } : {};
    const told = await this.history.claim(url, coupon, `user-${turn}`, { ...options, ...key });
    (options.prefer === undefined ? this.waited : this.pending).push(told);
  }
}

test('8 lanes become 16, then 4 for the workers, then 8 during a sale: no claim is left behind', async () => {
  system = await startSystem({ apis: 2, workers: 2, env: { CLAIM_WAIT_MS: `${WAIT_MS}`, ...lanes(8) } });
  balanced = [...system.urls];
  const sale = new Sale();
  await sale.start();
  await sale.goesOn(100);

  // The workers learn last of lanes that come.
  await replaceApis(16);
  await sale.goesOn(100);
  await replaceWorkers(16);
  await sale.goesOn(100);

  // And first of lanes that go.
  await replaceWorkers(4);
  await sale.goesOn(100);

  // Nobody who has these lanes in its number is there when the workers come back.
  await sale.end();
  await stopWorker();
  await stopWorker();
  await sale.leavePending();
  await replaceApis(8);
  for (let i = 0; i < 2; i++) await system.addWorker(lanes(8));

  await until(async () => (await unfinished()).length === 0);
  await sale.history.expectConsistent(system, { answerMaxMs: handlerTimeoutMs(WAIT_MS) });
  expect(sale.waited.filter(({ status }) => status === 202)).toEqual([]);
  const pending = sale.pending.filter(({ status }) => status === 202);
  expect(pending.length).toBeGreaterThan(COUPONS.length);
  for (const url of system.urls)
    for (const { claimId } of pending) expect(await statusOf(url, claimId), claimId).toBe('claimed');
});

test('an API of 16 lanes and a worker of 4: every claim is decided while its caller waits', {
  tags: ['slow'],
}, async () => {
  system = await startSystem({ apis: 0, env: { CLAIM_WAIT_MS: `${WAIT_MS}`, ...lanes(4) } });
  const url = await system.addApi(lanes(16));
  for (const coupon of COUPONS) await createCoupon(url, coupon, 1);
  const replies = await Promise.all(COUPONS.map((coupon) => claim(url, coupon, 'user')));
  expect(countStatuses(replies)).toEqual({ 200: COUPONS.length });
});

test('an API of fewer lanes never calls a pending claim of another lane refused', { tags: ['slow'] }, async () => {
  system = await startSystem({ apis: 0, workers: 0 });
  const more = await system.addApi(lanes(16));
  const fewer = await system.addApi(lanes(4));
  const beyond = COUPONS.filter((coupon) => laneOf(coupon, 16) >= 4);
  for (const coupon of beyond) await createCoupon(more, coupon, 1);
  const ids: string[] = [];
  for (const coupon of beyond) {
    const { status, body } = await claim(more, coupon, 'user', ASYNC);
    expect(status).toBe(202);
    ids.push(body.claim_id);
  }
  for (const id of ids) expect(await statusOf(fewer, id)).toBe('pending');

  await system.addWorker(lanes(4));
  for (const id of ids)
    await until(async () => {
      const told = await Promise.all([more, fewer].map((url) => statusOf(url, id)));
      expect(told).not.toContain('refused');
      return told.every((status) => status === 'claimed');
    });
});
