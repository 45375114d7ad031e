import { afterAll, beforeAll, expect, test } from 'vitest';
import { call } from '../support/call-api.ts';
import { clearFailPoint, setFailPoint } from '../support/fail-point.ts';
import { insertClaims, insertCoupon } from '../support/insert-sale.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';

let stores: OwnStores;
let system: System;
beforeAll(async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, workers: 0 });
  const coupon = await insertCoupon(stores.mongo, 'listed');
  await insertClaims(stores.mongo, coupon, [1, 1_200], (sequence) => ({ user_id: `user ${sequence}` }));
});
afterAll(() => system?.close());

/** A conflict with another transaction, as while an index is built. */
const CONFLICT = { errorCode: 112, errorLabels: ['TransientTransactionError'] };

test.each([
  ['coupons', '/api/coupons?q=list', 'aggregate', 1],
  ['the claims of a coupon', '/api/coupons/listed/claims?limit=1000', 'find', 1_000],
  ['the claims of a coupon, between two batches', '/api/coupons/listed/claims?limit=1000', 'getMore', 1_000],
  ['the claims of a user', '/api/users/user%207/claims', 'find', 1],
])('a list of %s is read again after a conflict, and has each entry once', async (_, path, command, entries) => {
  const { client } = stores.mongo;
  await setFailPoint(client, { commands: [command], appName: 'flashclaim-api', times: 2, data: CONFLICT });
  const { status, body } = await call(`${system.urls[0]}${path}`, 'GET');
  expect(await clearFailPoint(client)).toBeGreaterThan(0);
  expect([status, body.data.length]).toEqual([200, entries]);
});

test('an export is read again after a conflict, and has each claim once', async () => {
  const { client } = stores.mongo;
  await setFailPoint(client, { commands: ['getMore'], appName: 'flashclaim-api', times: 2, data: CONFLICT });
  const address = `${system.urls[0]}/api/coupons/listed/claims`;
  const exported = await (await fetch(address, { headers: { accept: 'application/x-ndjson' } })).text();
  expect(await clearFailPoint(client)).toBeGreaterThan(0);
  const lines = exported.trimEnd().split('\n');
  expect([lines.length, lines.at(-1)]).toEqual([1_201, '{"count":1200}']);
});
