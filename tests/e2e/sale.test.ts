import { randomUUID } from 'node:crypto';
import { type ClientRequest, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { claim, claimAsShop, createCoupon, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type System, startSystem } from '../support/system.ts';

const ROUNDS = 10;

let system: System;
beforeAll(async () => {
  // Two API processes and two workers: what holds here does not rest on there being one of each.
  system = await startSystem({ apis: 2, workers: 2 });
});
afterAll(() => system?.close());

/** One of the API processes, in turn. */
const urlOf = (i: number): string => system.urls[i % system.urls.length] as string;

const rounds = async (round: (name: string) => Promise<void>) => {
  for (let i = 0; i < ROUNDS; i++) await round(`coupon-${randomUUID()}`);
  await expectExact(system.stores.mongo);
};

/** Every user claims at once: half of them as a shop does, and half by HTTP alone. Tells the outcome of each. */
const claimAll = (name: string, users: readonly string[]): Promise<string[]> =>
  Promise.all(
    users.map(async (user, i) => {
      const half = Math.floor(i / system.urls.length) % 2;
      if (half === 0) return (await claimAsShop(urlOf(i), name, user)).outcome;
      const { status, body } = await claim(urlOf(i), name, user);
      return status === 200 ? 'claimed' : body.code;
    }),
  );

const count = (outcomes: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

const usersOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `user-${i}`);

/** Reads the coupon again and again until the sale is over; every read must add up. */
const watch = async (name: string, sale: Promise<unknown>): Promise<number> => {
  let over = false;
  let reads = 0;
  const end = sale.finally(() => {
    over = true;
  });
  while (!over) {
    const coupon = await readCoupon(urlOf(reads++), name);
    expect(coupon.remaining_amount + coupon.claimed_by.length).toBe(coupon.amount);
    expect(coupon.claimed_count).toBe(coupon.claimed_by.length);
  }
  await end;
  return reads;
};

describe(`${ROUNDS} rounds each, over HTTP`, () => {
  test.each([
    { users: 50, units: 5 },
    { users: 500, units: 50 },
  ])('$users users at once for $units units, with a reader', async ({ users, units }) => {
    await rounds(async (name) => {
      await createCoupon(urlOf(0), name, units);
      const sale = claimAll(name, usersOf(users));
      expect(await watch(name, sale)).toBeGreaterThan(0);
      const outcomes = await sale;
      expect(count(outcomes)).toEqual({ claimed: units, out_of_stock: users - units });
      const winners = usersOf(users).filter((_, i) => outcomes[i] === 'claimed');
      const coupon = await readCoupon(urlOf(1), name);
      expect(coupon).toMatchObject({ remaining_amount: 0, claimed_count: units });
      expect([...coupon.claimed_by].sort()).toEqual(winners.sort());
    });
  });

  test('one user 10 times at once holds one unit', async () => {
    await rounds(async (name) => {
      await createCoupon(urlOf(0), name, 5);
      const outcomes = await claimAll(name, Array(10).fill('user'));
      expect(count(outcomes)).toEqual({ claimed: 1, already_claimed: 9 });
      expect(await readCoupon(urlOf(0), name)).toMatchObject({ remaining_amount: 4, claimed_by: ['user'] });
    });
  });

  test('one user 50 times on a sold-out coupon is never told to hold a unit', async () => {
    await rounds(async (name) => {
      await createCoupon(urlOf(0), name, 1);
      expect(await claimAsShop(urlOf(0), name, 'winner')).toMatchObject({ outcome: 'claimed' });
      const outcomes = await claimAll(name, Array(50).fill('late'));
      expect(count(outcomes)).toEqual({ out_of_stock: 50 });
      const late = await claim(urlOf(0), name, 'late');
      expect(late).toMatchObject({ status: 400, body: { code: 'out_of_stock', error: 'no stock available' } });
    });
  });

  test('200 callers who hang up after 0 to 25 ms leave stock and claims equal', async () => {
    await rounds(async (name) => {
      await createCoupon(urlOf(0), name, 50);
      await Promise.all(usersOf(200).map((user, i) => hangUp(urlOf(i), name, user, (i * 25) / 199)));
      // Decided all the same: whoever asks after them is queued behind them, and finds nothing left.
      const last = await claimAll(name, ['asks after them', 'also asks']);
      const coupon = await readCoupon(urlOf(0), name);
      expect(coupon.remaining_amount + coupon.claimed_by.length).toBe(50);
      expect(last.every((outcome) => ['claimed', 'out_of_stock'].includes(outcome))).toBe(true);
    });
  });
});

/** Sends a claim and closes the connection after some milliseconds, whatever has come back by then. */
const hangUp = (url: string, coupon_name: string, user_id: string, afterMs: number): Promise<void> =>
  new Promise((resolve) => {
    const headers = { 'content-type': 'application/json' };
    const call: ClientRequest = request(`${url}/api/coupons/claim`, { method: 'POST', headers, agent: false });
    call.on('error', () => {});
    call.on('response', (response) => response.on('error', () => {}).resume());
    call.on('close', resolve);
    call.end(JSON.stringify({ coupon_name, user_id }));
    setTimeout(() => call.destroy(), afterMs);
  });
