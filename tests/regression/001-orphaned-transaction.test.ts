import { connectMongo } from '@flashclaim/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claim, createCoupon } from '../support/call-api.ts';
import { type System, startSystem } from '../support/system.ts';

/**
 * A worker that is killed in mid-transaction leaves the transaction open in MongoDB, by default for a minute. Its coupon
 * met nothing but conflicts; and the next worker's `collMod` queued for a lock behind it, with everybody else behind that.
 */
let system: System;
beforeAll(async () => {
  system = await startSystem({ workers: 0, env: { CLAIM_WAIT_MS: '20000' } });
});
afterAll(() => system?.close());

test('a transaction that nobody ends blocks no lane for long', async () => {
  const url = system.urls[0] as string;
  await createCoupon(url, 'blocked', 5);
  await createCoupon(url, 'beside it', 5);

  const { MONGO_URI, MONGO_DB } = system.stores.env;
  const killed = await connectMongo(MONGO_URI, MONGO_DB, {});
  const session = killed.client.startSession();
  session.startTransaction();
  await killed.coupons.updateOne({ name: 'blocked' }, { $inc: { remaining_amount: -1 } }, { session });

  await system.addWorker();
  const replies = await Promise.all([claim(url, 'blocked', 'user'), claim(url, 'beside it', 'user')]);
  expect(replies.map((reply) => reply.status)).toEqual([200, 200]);
  await session.endSession();
  await killed.client.close();
});
