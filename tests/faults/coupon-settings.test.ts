import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, createCoupon } from '../support/call-api.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { clearFailPoint, setFailPoint } from '../support/fail-point.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { type System, startSystem } from '../support/system.ts';

let stores: OwnStores;
let system: System;
beforeAll(async () => {
  stores = await openOwnStores();
  system = await startSystem({ stores, workers: 0 });
});
afterAll(() => system?.close());

const addressOf = (name: string) => `${system.urls[0]}/api/coupons/${name}`;
const change = (name: string, body: object) => call(addressOf(name), 'PATCH', body);
const appName = 'flashclaim-api';

test('a change whose commit may have happened is answered so, and can be repeated', async () => {
  await createCoupon(system.urls[0] as string, 'unknown', 5);
  const writeConcernError = { code: 64, errmsg: 'waiting for replication timed out' };
  await setFailPoint(stores.mongo.client, { commands: ['commitTransaction'], appName, data: { writeConcernError } });
  const reply = await change('unknown', { amount: 7 });
  await clearFailPoint(stores.mongo.client);
  expectProblem(reply, 'unavailable', 'The same PATCH can be repeated');
  expect(reply.body.done).toBe('unknown');
  const again = await change('unknown', { amount: 7 });
  expect([again.status, again.body.amount, again.body.remaining_amount, again.body.version]).toEqual([200, 7, 7, 2]);
  expect(await stores.mongo.events.countDocuments()).toBe(1);
});

test.each([
  ['its read', 'find'],
  ['its update', 'findAndModify'],
  ['its event', 'insert'],
])('where %s fails, nothing is done', async (_, command) => {
  const name = `before-${command}`;
  await createCoupon(system.urls[0] as string, name, 5);
  const data = { errorCode: 50, errorLabels: [] };
  await setFailPoint(stores.mongo.client, { commands: [command], appName, data });
  const reply = await change(name, { amount: 7 });
  await clearFailPoint(stores.mongo.client);
  expectProblem(reply, 'unavailable', 'Nothing was done');
  expect(reply.body.done).toBe('nothing');
  expect((await call(addressOf(name), 'GET')).body).toMatchObject({ amount: 5, version: 1 });
});

test('a connection that breaks during a change is replaced, and the change is made once', async () => {
  await createCoupon(system.urls[0] as string, 'broken', 5);
  for (const command of ['findAndModify', 'insert', 'commitTransaction']) {
    const before = (await call(addressOf('broken'), 'GET')).body;
    await setFailPoint(stores.mongo.client, {
      commands: [command],
      appName,
      times: 1,
      data: { closeConnection: true },
    });
    const { status, body } = await change('broken', { amount: before.amount + 1 });
    await clearFailPoint(stores.mongo.client);
    expect([command, status, body.amount, body.version]).toEqual([command, 200, before.amount + 1, before.version + 1]);
  }
});
