import { setTimeout as sleep } from 'node:timers/promises';
import { inTransaction, isTransient } from '@flashclaim/store';
import { describe, expect, test } from 'vitest';
import { createCoupon } from '../support/call-api.ts';
import { couponApiForFile } from '../support/coupon-api.ts';
import { expectProblem } from '../support/expect-problem.ts';

const api = couponApiForFile();

describe('a change that conflicts with another transaction', () => {
  const holdCoupon = async (name: string, milliseconds: number, units = 1): Promise<void> => {
    const { mongo } = api;
    await inTransaction(mongo.client, async (session) => {
      await mongo.coupons.updateOne({ name }, { $inc: { remaining_amount: -units, issued: units } }, { session });
      await sleep(milliseconds);
    });
  };

  test('is made once that has committed', async () => {
    await createCoupon(api.url, 'held', 5);
    const held = holdCoupon('held', 500);
    await sleep(100);
    const { status, body } = await api.change('held', { amount: 9 });
    expect([status, body.remaining_amount, body.amount]).toEqual([200, 8, 9]);
    await held;
    expect((await api.stored('held')).events).toMatchObject([{ number: 1, after_sequence: 1 }]);
  });

  test('is decided again where that has taken the units', async () => {
    await createCoupon(api.url, 'taken', 2);
    const held = holdCoupon('taken', 500, 2);
    await sleep(100);
    expectProblem(await api.change('taken', { amount: 1 }), 'amount_below_claimed', '2 units are claimed');
    await held;
    expect(await api.read('taken')).toMatchObject({ amount: 2, remaining_amount: 0, version: 1 });
  });

  test('is given up after two seconds, and nothing is changed', async () => {
    await createCoupon(api.url, 'locked', 5);
    const held = holdCoupon('locked', 3_000);
    await sleep(100);
    const started = performance.now();
    const reply = await api.change('locked', { paused: true });
    expect(performance.now() - started).toBeLessThan(2_700);
    expectProblem(reply, 'unavailable', 'Nothing was done');
    expect(reply.body.done).toBe('nothing');
    await held;
    expect(await api.read('locked')).toMatchObject({ version: 1, state: 'open' });
    expect((await api.stored('locked')).events).toEqual([]);
  });

  test('is made although claims are committed all the time, and loses none of their units', async () => {
    await createCoupon(api.url, 'hot', 1_000_000);
    let isOver = false;
    const claims = (async () => {
      while (!isOver) {
        await holdCoupon('hot', 10).catch((error) => expect(isTransient(error)).toBe(true));
        await sleep(5);
      }
    })();
    for (let amount = 1_000_001; amount <= 1_000_030; amount++)
      expect((await api.change('hot', { amount })).status).toBe(200);
    isOver = true;
    await claims;
    const stored = await api.mongo.coupons.findOne({ name: 'hot' });
    expect(stored?.remaining_amount).toBe(1_000_030 - (stored?.issued ?? 0));
  });
});
