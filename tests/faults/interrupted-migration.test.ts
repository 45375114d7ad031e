import { setTimeout as sleep } from 'node:timers/promises';
import { connectMongo, findSchemaFaults, hasEarlierLayout, type Mongo, migrate } from '@flashclaim/store';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { createEarlierCollections, earlierClaims, earlierCoupon, usersOf } from '../support/earlier-layout.ts';
import { clearFailPoint, setFailPoint } from '../support/fail-point.ts';
import { type OwnStores, openOwnStores } from '../support/own-stores.ts';
import { runCommand, startCommand } from '../support/run-command.ts';
import { until } from '../support/until.ts';

const MIGRATE = 'packages/maintenance/src/migrate.ts';
const NOT_ALLOWED = 13;

let stores: OwnStores;
let uri: string;
const opened: Mongo[] = [];
beforeAll(async () => {
  stores = await openOwnStores();
  uri = `mongodb://127.0.0.1:${stores.servers.mongo.port}/?directConnection=true`;
});
afterAll(async () => {
  for (const { client } of opened) await client.close();
  await stores?.close();
});

/** A database of the earlier layout; its claims in the order of their insertion. */
const openEarlier = async (name: string, hot: number) => {
  const mongo = await connectMongo(uri, name, { appName: 'flashclaim-migrate' });
  opened.push(mongo);
  await createEarlierCollections(mongo.db);
  const sold = earlierCoupon('hot', 100_000, hot);
  const other = earlierCoupon('other', 10, 2);
  const gone = earlierCoupon('gone', 10);
  await mongo.db.collection<object>('coupons').insertMany([sold, other, earlierCoupon('unsold', 7)]);
  const claims = [
    ...earlierClaims(sold, usersOf('hot', hot)),
    ...earlierClaims(other, usersOf('other', 2)),
    ...earlierClaims(gone, usersOf('gone', 3)),
  ];
  await mongo.db.collection<{ _id: string }>('claims').insertMany(claims);
  return { mongo, claims };
};

type Earlier = Awaited<ReturnType<typeof openEarlier>>;

const expectMigrated = async ({ mongo, claims }: Earlier): Promise<void> => {
  const found = new Map((await mongo.claims.find().toArray()).map((claim) => [claim._id, claim]));
  expect(found.size).toBe(claims.length);
  for (const list of Map.groupBy(claims, (claim) => claim.coupon_name).values())
    expect(list.map(({ _id }) => found.get(_id)?.sequence)).toEqual(list.map((_, index) => index + 1));
  const issued = (await mongo.coupons.find().sort({ name: 1 }).toArray()).map((coupon) => coupon.issued);
  expect(issued).toEqual([claims.length - 5, 2, 0]);
  const names = (await mongo.claims.indexes()).map(({ name }) => name);
  expect(names).not.toContain('coupon_id_1');
  expect(names).not.toContain('user_id_1_coupon_id_1');
  expect(await findSchemaFaults(mongo.db)).toEqual([]);
  expect(await hasEarlierLayout(mongo.db)).toBe(false);
};

/** Where a migration is interrupted: before which of these commands. */
const POINTS: [string, number][] = [
  ['collMod', 0],
  ['update', 0],
  ['update', 1],
  // Its last claims, and then their coupons.
  ['update', 2],
  ['update', 3],
  ['createIndexes', 0],
  ['update', 4],
  ['dropIndexes', 0],
  ['dropIndexes', 1],
  ['collMod', 1],
];

afterEach(() => clearFailPoint(stores.mongo.client));

test('a migration that was interrupted before any of its writes gives the same result when it is repeated', async () => {
  const { client } = stores.mongo;
  const interrupted: Earlier[] = [];
  for (const [command, skip] of POINTS) {
    const earlier = await openEarlier(`${command}_${skip}`, 2_500);
    const data = { errorCode: NOT_ALLOWED };
    await setFailPoint(client, { appName: 'flashclaim-migrate', commands: [command], skip, data });
    await expect(migrate(earlier.mongo), `${command} ${skip}`).rejects.toThrow('failCommand');
    expect(await clearFailPoint(client)).toBeGreaterThan(0);
    expect(await hasEarlierLayout(earlier.mongo.db), `${command} ${skip}`).toBe(true);
    interrupted.push(earlier);
  }
  await Promise.all(interrupted.map(({ mongo }) => migrate(mongo)));
  for (const earlier of interrupted) await expectMigrated(earlier);
});

test('a migration that was killed gives the same result when it is repeated', async () => {
  const earlier = await openEarlier('killed', 30_000);
  const env = { MONGO_URI: uri, MONGO_DB: 'killed' };
  const { handle, ended } = await startCommand(MIGRATE, env);
  const { claims } = earlier.mongo;
  await until(async () => (await claims.findOne({ sequence: 1_500 })) !== null);
  handle.kill('SIGKILL');
  await ended;
  const numbered = await claims.countDocuments({ sequence: { $exists: true } });
  expect(numbered).toBeGreaterThan(1_000);
  expect(numbered).toBeLessThan(30_000);
  expect((await runCommand(MIGRATE, env)).code).toBe(0);
  await expectMigrated(earlier);
});

test('two migrations at once give the same result', async () => {
  const earlier = await openEarlier('two', 5_000);
  const late = sleep(50).then(() => migrate(earlier.mongo));
  await Promise.all([migrate(earlier.mongo), late]);
  await expectMigrated(earlier);
});
