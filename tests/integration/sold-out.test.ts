import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { ClosedCoupons, WaitingClaim } from '@flashclaim/api';
import { newCoupon } from '@flashclaim/core';
import { connectMongo, type Mongo } from '@flashclaim/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStores, type TestStores } from '../support/stores.ts';

/** Stands between a process and MongoDB, and can hold back what is asked. */
class Gate {
  #held = false;
  readonly #pairs = new Set<[Socket, Socket]>();
  readonly server: Server;

  constructor(port: number) {
    this.server = createServer((caller) => {
      const pair: [Socket, Socket] = [caller, connect(port, '127.0.0.1')];
      this.#pairs.add(pair);
      for (const socket of pair)
        socket
          .on('error', () => {})
          .on('close', () => {
            for (const other of pair) other.destroy();
            this.#pairs.delete(pair);
          });
      pair[1].pipe(caller);
      if (!this.#held) caller.pipe(pair[1]);
    });
  }

  hold(): void {
    this.#held = true;
    for (const [caller, store] of this.#pairs) caller.unpipe(store);
  }

  release(): void {
    this.#held = false;
    for (const [caller, store] of this.#pairs) caller.pipe(store);
  }
}

let stores: TestStores;
let gate: Gate;
let mongo: Mongo;
beforeAll(async () => {
  stores = await openStores();
  gate = new Gate(Number(new URL(stores.env.MONGO_URI).port));
  await new Promise<void>((resolve) => gate.server.listen(0, '127.0.0.1', resolve));
  const { port } = gate.server.address() as AddressInfo;
  mongo = await connectMongo(`mongodb://127.0.0.1:${port}/?directConnection=true`, stores.env.MONGO_DB, {});
});
afterAll(async () => {
  await mongo?.client.close();
  gate?.server.close();
  await stores.close();
});

test('the coupon and the claims are read in one transaction, which a replaced primary can not commit', async () => {
  const listening = await connectMongo(stores.env.MONGO_URI, stores.env.MONGO_DB, { monitorCommands: true });
  await stores.mongo.coupons.insertOne({ ...newCoupon({ name: 'read', amount: 1 }, new Date()), remaining_amount: 0 });
  const commands: unknown[] = [];
  listening.client.on('commandStarted', ({ commandName, command }) => {
    const { startTransaction, txnNumber, writeConcern } = command;
    commands.push({ commandName, startTransaction, txnNumber: Number(txnNumber), w: writeConcern?.w });
  });
  try {
    const closed = new ClosedCoupons({
      mongo: listening,
      mongoWatch: { isDown: false, answer: (question) => question() },
      log: { warn: () => {} },
      forward: () => {},
    });
    const events = { timedOut: () => {}, settled: () => {} };
    const claim = new WaitingClaim({ id: 'id', userId: 'user', couponName: 'read' }, 60_000, events);
    closed.remember('read');
    expect(closed.take(claim)).toBe(true);
    expect(await claim.answer).toMatchObject({ decision: 'out_of_stock' });
    expect(commands).toEqual([
      { commandName: 'find', startTransaction: true, txnNumber: 1 },
      { commandName: 'find', txnNumber: 1 },
      { commandName: 'commitTransaction', txnNumber: 1, w: 'majority' },
    ]);
  } finally {
    await listening.client.close();
  }
});

test('a claim whose wait ends before the database has answered goes to its lane, once', async () => {
  await stores.mongo.coupons.insertOne({ ...newCoupon({ name: 'empty', amount: 1 }, new Date()), remaining_amount: 0 });
  const forwarded: string[] = [];
  const settled: string[] = [];
  const closed = new ClosedCoupons({
    mongo,
    mongoWatch: { isDown: false, answer: (question) => question() },
    log: { warn: () => {} },
    forward: ({ id }) => forwarded.push(id),
  });
  const events = {
    timedOut: (claim: WaitingClaim) => void closed.release(claim),
    settled: ({ id }: WaitingClaim) => void settled.push(id),
  };
  const newClaim = (id: string, waitMs: number) =>
    new WaitingClaim({ id, userId: id, couponName: 'empty' }, waitMs, events);
  closed.remember('empty');
  gate.hold();
  const [impatient, patient] = [newClaim('impatient', 0), newClaim('patient', 60_000)];
  for (const claim of [impatient, patient]) expect(closed.take(claim)).toBe(true);
  await expect.poll(() => forwarded).toEqual(['impatient']);

  // Only the lane decides it now, whatever the read says.
  gate.release();
  expect(await patient.answer).toMatchObject({ decision: 'out_of_stock' });
  expect(settled).toEqual(['patient']);
  expect(forwarded).toEqual(['impatient']);
  impatient.enqueued({ jobId: 'job', index: 0, deadline: 1 });
  expect(await impatient.answer).toBe('pending');
});
