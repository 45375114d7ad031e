import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { type Claim, newCoupon } from '@flashclaim/core';
import { connectMongo } from '@flashclaim/store';
import { expect, onTestFinished, test } from 'vitest';
import { commitJob, jobOf } from '../support/job-of.ts';
import { openStores } from '../support/stores.ts';

/** Commits a claim of a coupon of its own; and the sockets that the driver does so by. */
const openCommit = async () => {
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
  const job = await jobOf(mongo, [claim]);
  const commit = async () => (await commitJob(mongo, job))[0]?.decision;
  return { commit, sockets };
};

test('a command that is written to a closing connection fails at once, and its claims are decided over another', async () => {
  const { commit, sockets } = await openCommit();
  // The server has hung up, and the driver hears of it at the end of this turn of the event loop.
  for (const socket of sockets) socket.destroy();
  expect(await commit()).toBe('claimed');
});

test('a command that the driver never ends is given up after a while, and the next run decides its claims', async () => {
  const { commit, sockets } = await openCommit();
  for (const socket of sockets) {
    // As without our patch: nothing tells who waits for room to write that the connection is closed.
    const emit = socket.emit.bind(socket);
    socket.emit = ((event: string, ...rest: unknown[]) => event !== 'drain' && emit(event, ...rest)) as Socket['emit'];
    socket.destroy();
  }
  await expect(commit()).rejects.toThrow('no answer within');
  expect(await commit()).toBe('claimed');
});
