import { CouponReads } from '@flashclaim/api';
import { newCoupon } from '@flashclaim/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores?.close());

test('who comes while a read is in flight gets a later one, and all of them the same', async () => {
  const { mongo } = stores;
  await mongo.coupons.insertOne(newCoupon({ name: 'held', amount: 5 }, new Date(0)));
  // Each read has its result, and is answered only when the test lets it.
  const answers: (() => void)[] = [];
  const answer = async <T>(request: () => Promise<T>): Promise<T> => {
    const result = await request();
    await new Promise<void>((resolve) => answers.push(resolve));
    return result;
  };
  const reads = new CouponReads({ mongo, mongoWatch: { answer } });
  const remaining = async (read: ReturnType<typeof reads.read>) =>
    JSON.parse(String((await read)?.body)).remaining_amount;
  const nextAnswer = () => expect.poll(() => answers.shift()?.()).toBeUndefined();

  const first = reads.read('held', undefined);
  await expect.poll(() => answers.length).toBe(1);
  await mongo.coupons.updateOne({ name: 'held' }, { $inc: { remaining_amount: -1 } });
  const later = [reads.read('held', undefined), reads.read('held', undefined)];
  expect(answers).toHaveLength(1);
  await nextAnswer();
  expect(await remaining(first)).toBe(5);
  await expect.poll(() => answers.length).toBe(1);
  await nextAnswer();
  expect(await Promise.all(later.map(remaining))).toEqual([4, 4]);
  expect(answers).toHaveLength(0);
});
