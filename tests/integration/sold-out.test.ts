import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { ClosedCoupons, WaitingClaim } from '@flashclaim/api';
import { newCoupon } from '@flashclaim/core';
import { connectMongo, type Mongo } from '@flashclaim/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { grantUnits, releaseUnit } from '../support/grant-units.ts';
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

test('the first read is a transaction, and the later ones are not, until the primary may be another one', async () => {
  const listening = await connectMongo(stores.env.MONGO_URI, stores.env.MONGO_DB, { monitorCommands: true });
  await stores.mongo.coupons.insertOne({ ...newCoupon({ name: 'read', amount: 1 }, new Date()), remaining_amount: 0 });
  const commands: unknown[] = [];
  listening.client.on('commandStarted', ({ commandName, command }) =>
    commands.push([commandName, command['readConcern']]),
  );
  try {
    const closed = new ClosedCoupons({
      mongo: listening,
      mongoWatch: { isDown: false, answer: (question) => question() },
      log: { warn: () => {} },
      forward: () => {},
    });
    const events = { timedOut: () => {}, settled: () => {} };
    const refuse = async (id: string) => {
      const claim = new WaitingClaim({ id, userId: id, couponName: 'read' }, 60_000, events);
      expect(closed.take(claim)).toBe(true);
      expect(await claim.answer).toMatchObject({ decision: 'out_of_stock' });
    };
    closed.remember('read');
    await refuse('first');
    const inTransaction = [
      ['find', { level: 'snapshot' }],
      ['find', undefined],
      ['commitTransaction', undefined],
    ];
    expect(commands).toEqual(inTransaction);
    await refuse('second');
    expect(commands.slice(3)).toEqual([
      ['find', { level: 'snapshot' }],
      ['find', { level: 'snapshot', atClusterTime: expect.anything() }],
    ]);
    listening.client.emit('topologyDescriptionChanged', {} as never);
    await refuse('third');
    expect(commands.slice(5)).toEqual(inTransaction);
  } finally {
    await listening.client.close();
  }
});

test('a user whose unit is released between the two reads is not refused as out_of_stock', async () => {
  const { mongo } = stores;
  await mongo.coupons.insertOne(newCoupon({ name: 'last', amount: 1 }, new Date()));
  await grantUnits(mongo, 'last', ['holder']);
  let releaseNow = async (): Promise<void> => {};
  const claims = new Proxy(mongo.claims, {
    get: (collection, name) =>
      name === 'find'
        ? (...query: Parameters<typeof collection.find>) => ({
            toArray: async () => {
              await releaseNow();
              return collection.find(...query).toArray();
            },
          })
        : Reflect.get(collection, name),
  });
  const closed = new ClosedCoupons({
    mongo: { ...mongo, claims, seesElections: true },
    mongoWatch: { isDown: false, answer: (question) => question() },
    log: { warn: () => {} },
    forward: () => {},
  });
  const decide = (id: string, userId: string) => {
    const events = { timedOut: () => {}, settled: () => {} };
    const claim = new WaitingClaim({ id, userId, couponName: 'last' }, 60_000, events);
    expect(closed.take(claim)).toBe(true);
    return claim.answer;
  };
  closed.remember('last');
  // The first read is in a transaction anyway.
  expect(await decide('first', 'another')).toMatchObject({ decision: 'out_of_stock' });
  releaseNow = () => releaseUnit(mongo, { user_id: 'holder' }, new Date());
  expect(await decide('second', 'holder')).toMatchObject({ decision: 'already_claimed' });
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
