import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { EXPORT_FORMATS, Exports } from '@flashclaim/api';
import type { ObjectId } from 'mongodb';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { beginExport, LONG_EXPORT, longUser } from '../support/begin-export.ts';
import { insertClaims, insertCoupon } from '../support/insert-sale.ts';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
let couponId: ObjectId;
beforeAll(async () => {
  stores = await openStores();
  const coupon = await insertCoupon(stores.mongo, 'long');
  await insertClaims(stores.mongo, coupon, [1, LONG_EXPORT], (sequence) => ({ user_id: longUser(sequence) }));
  couponId = coupon._id;
});
afterAll(() => stores?.close());

/**
 * Starts an export whose caller does not read yet. `reads` counts the ranges that were read; `closed` resolves once the connection
 * has ended.
 */
const start = async (stallMs: number) => {
  const reads = { count: 0 };
  const answer = <T>(request: () => Promise<T>): Promise<T> => {
    reads.count++;
    return request();
  };
  const { signal: stopSignal } = new AbortController();
  const exports = new Exports({ mongo: stores.mongo, mongoWatch: { answer }, stopSignal, stallMs });
  const format = EXPORT_FORMATS['application/x-ndjson'];
  const closed = Promise.withResolvers<void>();
  const server = createServer((_, response) => {
    response.once('close', closed.resolve);
    exports.start(response, { couponId, status: undefined, format }).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const response = await beginExport(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return { reads, closed: closed.promise, response };
};

test('the caller of an export who takes nothing is disconnected', async () => {
  const { reads, response, closed } = await start(300);
  await closed;
  await expect(text(response)).rejects.toThrow('aborted');
  // What nobody takes is not read.
  expect(reads.count).toBeLessThan(3);
});

test('the caller of an export who reads slowly gets all of it', async () => {
  const { reads, response } = await start(2_000);
  let received = '';
  for await (const chunk of response) {
    received = `${received}${chunk}`.slice(-100);
    // 500 pauses or more: longer than the timeout together.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(received).toContain(`{"count":${LONG_EXPORT}}\n`);
  expect(reads.count).toBe(3);
});
