import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { type Claim, decodeDecision, newCoupon } from '@flashclaim/core';
import { connectMongo } from '@flashclaim/service';
import { CouponMemory, commitClaims } from '@flashclaim/worker';
import { expect, onTestFinished, test } from 'vitest';
import { openStores } from '../support/stores.ts';

test('the driver loses a command that it writes to a closing connection: its claims wait no longer than for another', async () => {
  const stores = await openStores();
  onTestFinished(stores.close);
  const sockets: Socket[] = [];
  const remember = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', remember);
  onTestFinished(() => void unsubscribe('net.client.socket', remember));
  const { MONGO_URI, MONGO_DB } = stores.env;
  const mongo = await connectMongo(MONGO_URI, MONGO_DB, { socketTimeoutMS: 1_000 });
  onTestFinished(() => mongo.client.close());
  await mongo.coupons.insertOne(newCoupon({ name: 'coupon', amount: 5 }, new Date()));

  const claim: Claim = { id: 'the-claim', userId: 'user', couponName: 'coupon' };
  const commit = () => commitClaims({ mongo, memory: new CouponMemory(), holds: async () => true }, [claim]);
  // The server has hung up, and the driver hears of it at the end of this turn of the event loop.
  for (const socket of sockets) socket.destroy();
  await expect(commit()).rejects.toThrow('no answer within');
  expect(decodeDecision(await commit(), 0).decision).toBe('claimed');
});
