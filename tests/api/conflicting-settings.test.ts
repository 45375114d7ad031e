import { setTimeout as sleep } from 'node:timers/promises';
import { CouponChanges } from '@flashclaim/api';
import { inTransaction, isTransient } from '@flashclaim/store';
import { describe, expect, test } from 'vitest';
import { createCoupon } from '../support/call-api.ts';
import { couponApiForFile } from '../support/coupon-api.ts';
import { expectProblem } from '../support/expect-problem.ts';

const api = couponApiForFile();

describe('a change that conflicts with another transaction', () => {
  /** Takes units in a transaction, which stays open until `end` resolves. */
  const takeUntil = (end: Promise<unknown>, name: string, units = 1, begun = () => {}): Promise<unknown> =>
    inTransaction(api.mongo.client, async (session) => {
      await api.mongo.coupons.updateOne({ name }, { $inc: { remaining_amount: -units, issued: units } }, { session });
      begun();
      await end;
    });

  /** Resolves once such a transaction has written. Its end is to be waited for. */
  const hold = async (end: Promise<unknown>, name: string, units?: number): Promise<{ held: Promise<unknown> }> => {
    const { promise: written, resolve } = Promise.withResolvers<void>();
    const held = takeUntil(end, name, units, resolve);
    await Promise.race([written, held]);
    return { held };
  };

  test('is made once that has committed', async () => {
    await createCoupon(api.url, 'held', 5);
    const { held } = await hold(sleep(500), 'held');
    const { status, body } = await api.change('held', { amount: 9 });
    expect([status, body.remaining_amount, body.amount]).toEqual([200, 8, 9]);
    await held;
    expect((await api.stored('held')).events).toMatchObject([{ number: 1, after_sequence: 1 }]);
  });

  test('is decided again where that has taken the units', async () => {
    await createCoupon(api.url, 'taken', 2);
    const { held } = await hold(sleep(500), 'taken', 2);
    expectProblem(await api.change('taken', { amount: 1 }), 'amount_below_claimed', '2 units are claimed');
    await held;
    expect(await api.read('taken')).toMatchObject({ amount: 2, remaining_amount: 0, version: 1 });
  });

  test('is given up after two seconds, and nothing is changed', async () => {
    await createCoupon(api.url, 'locked', 5);
    const { promise: answered, resolve } = Promise.withResolvers<void>();
    const { held } = await hold(answered, 'locked');
    const reply = await api.change('locked', { paused: true });
    resolve();
    expectProblem(reply, 'unavailable', 'Nothing was done');
    expect(reply.body.done).toBe('nothing');
    await held;
    expect(await api.read('locked')).toMatchObject({ version: 1, state: 'open' });
    expect((await api.stored('locked')).events).toEqual([]);
  });

  test('is not made once its caller has an answer', async () => {
    await createCoupon(api.url, 'answered', 5);
    const { promise: tried, resolve } = Promise.withResolvers<void>();
    const { held } = await hold(tried, 'answered');
    const ended = new AbortController();
    const change = new CouponChanges(api.mongo).change('answered', { paused: true }, ended.signal);
    ended.abort();
    await expect(change).rejects.toThrow('Nothing was done');
    resolve();
    await held;
    expect(await api.read('answered')).toMatchObject({ version: 1, state: 'open' });
  });

  test('which waited for others is not made after its answer, and undoes no later one', async () => {
    await createCoupon(api.url, 'waiting', 5);
    const { promise: answered, resolve } = Promise.withResolvers<void>();
    const { held } = await hold(answered, 'waiting');
    // Each would wait for those before it, and be retried after that.
    const replies = await Promise.all(Array.from({ length: 5 }, (_, i) => api.change('waiting', { amount: 10 + i })));
    resolve();
    await held;
    for (const reply of replies) expect([reply.status, reply.body.done]).toEqual([503, 'nothing']);
    expect(await api.change('waiting', { amount: 20 })).toMatchObject({ status: 200, body: { version: 2 } });
    expect(await api.read('waiting')).toMatchObject({ version: 2, amount: 20 });
    expect((await api.stored('waiting')).events).toHaveLength(1);
  });

  test('is made although claims are committed all the time, and loses none of their units', async () => {
    await createCoupon(api.url, 'hot', 1_000_000);
    let isOver = false;
    const claims = (async () => {
      while (!isOver) {
        await takeUntil(sleep(10), 'hot').catch((error) => expect(isTransient(error)).toBe(true));
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
