import { setTimeout as sleep } from 'node:timers/promises';
import { VALIDATORS } from '@flashclaim/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { call, claim, countStatuses, createCoupon, type Reply, readCoupon } from '../support/call-api.ts';
import { expectExact } from '../support/expect-exact.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { scrape } from '../support/scrape.ts';
import { type System, startSystem } from '../support/system.ts';
import { until } from '../support/until.ts';

/** A caller who is answered `pending` if nobody decides. */
const BRIEFLY = { prefer: 'wait=1' };
const INDEX = { user_id: 1, coupon_id: 1 } as const;
const NAMED = 'Missing in MongoDB: the unique index on user_id, coupon_id of claims';

let stores: OwnStores;
let system: System;
let api: string;
let lines: string[];
beforeEach(async () => {
  lines = [];
  stores = await openOwnStores();
  const output = (line: string) => void lines.push(line);
  system = await startSystem({ stores, workers: 2, output, env: { LOG_LEVEL: 'info' } });
  api = system.urls[0] as string;
});
afterEach(() => system?.close());

/** How often a line was written that says this. */
const timesSaid = (text: string): number => lines.filter((line) => line.includes(text)).length;

const healths = () => Promise.all(system.workerUrls.map((url) => call(`${url}/health`, 'GET')));
const allWell = async () => (await healths()).every(({ status }) => status === 200);
const allSayWhy = async () =>
  (await healths()).every(({ status, body }) => status === 503 && body.detail.includes(NAMED));

/** Changes the database between two looks of the workers, whenever those come. */
const betweenLooks = async (change: () => Promise<unknown>): Promise<void> => {
  for (const worker of system.workers) worker.kill('SIGSTOP');
  await change();
  for (const worker of system.workers) worker.kill('SIGCONT');
};

/** As `mongorestore --drop` does it, up to the point where it builds the indexes. */
const dropAndReload = async (): Promise<void> => {
  const { db } = stores.mongo;
  const documents = await db.collection('claims').find().toArray();
  await db.collection('claims').drop();
  await db.createCollection('claims', { validator: VALIDATORS.claims });
  await db.collection('claims').insertMany(documents);
};

/** While it is on, MongoDB lists an index that it does not enforce. */
const holdBuilds = (mode: 'alwaysOn' | 'off') =>
  stores.mongo.client.db('admin').command({ configureFailPoint: 'hangAfterStartingIndexBuild', mode });

const missing = async () => (await scrape(system.workerUrls[0] as string)).value('flashclaim_schema_faults');

const statusOf = async (reply: Reply): Promise<string> =>
  (await call(api + reply.headers.get('location'), 'GET')).body.status;

test('claims dropped and reloaded: nothing is granted until the index is built again, and then a sale is exact', async () => {
  await createCoupon(api, 'sale', 6);
  expect((await claim(api, 'sale', 'holder')).status).toBe(200);
  await holdBuilds('alwaysOn');
  await betweenLooks(dropAndReload);
  await until(allSayWhy);

  const early = await Promise.all([1, 2, 3].map(() => claim(api, 'sale', 'holder', BRIEFLY)));
  expect(countStatuses(early)).toEqual({ 202: 3 });
  await sleep(1_000);
  expect(await stores.mongo.claims.countDocuments()).toBe(1);
  expect(await allSayWhy()).toBe(true);
  expect((await call(`${system.workerUrls[0]}/livez`, 'GET')).status).toBe(200);
  await until(async () => (await missing()) === 1);

  await holdBuilds('off');
  await until(allWell);
  await until(async () => (await missing()) === 0);
  for (const reply of early) await until(async () => (await statusOf(reply)) === 'refused');
  const users = Array.from({ length: 50 }, (_, user) => `user-${user}`);
  const replies = await Promise.all(users.map((user) => claim(api, 'sale', user)));
  expect(countStatuses(replies)).toEqual({ 200: 5, 400: 45 });
  const again = await Promise.all([1, 2, 3].map(() => claim(api, 'sale', 'holder')));
  expect(countStatuses(again)).toEqual({ 409: 3 });
  expect(await readCoupon(api, 'sale')).toMatchObject({ remaining_amount: 0, claimed_count: 6 });
  await expectExact(stores.mongo);
  // Once by each worker.
  expect([timesSaid('indexes or validators are missing'), timesSaid('indexes and validators exist again')]).toEqual([
    2, 2,
  ]);
});

test('an index that duplicates keep from being built: it is said why, and all goes on once they are gone', async () => {
  await createCoupon(api, 'sale', 3);
  expect((await claim(api, 'sale', 'holder')).status).toBe(200);
  const { claims, coupons } = stores.mongo;
  const [first] = await claims.find().toArray();
  await betweenLooks(async () => {
    await claims.dropIndex('live_user_id_1_coupon_id_1');
    await claims.insertOne({ ...(first as NonNullable<typeof first>), _id: 'its duplicate', sequence: 2 });
    await coupons.updateOne({ name: 'sale' }, { $inc: { remaining_amount: -1, issued: 1 } });
  });
  await until(async () => (await healths()).every(({ body }) => body.detail?.includes('E11000')));
  expect(await allSayWhy()).toBe(true);
  await until(async () => timesSaid("an index can't be built") === 2);
  expect(lines.filter((line) => line.includes('holder'))).toEqual([]);
  const early = await claim(api, 'sale', 'early', BRIEFLY);
  expect(early.status).toBe(202);

  const ended = { state: 'released' as const, ended_at: new Date() };
  await claims.updateOne({ _id: 'its duplicate' }, { $set: ended, $unset: { ordinal: 1 } });
  await coupons.updateOne({ name: 'sale' }, { $inc: { remaining_amount: 1 } });
  await until(async () => (await statusOf(early)) === 'claimed');
  await until(allWell);
  expect((await claims.indexes()).find(({ name }) => name === 'live_user_id_1_coupon_id_1')).toMatchObject({
    key: INDEX,
    unique: true,
    partialFilterExpression: { ordinal: 1 },
  });
  expect((await claim(api, 'sale', 'holder')).status).toBe(409);
  await expectExact(stores.mongo);
  expect([
    timesSaid('indexes or validators are missing'),
    timesSaid("an index can't be built"),
    timesSaid('indexes and validators exist again'),
  ]).toEqual([2, 2, 2]);
});
