import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newCoupon } from '@flashclaim/core';
import { seedCoupons } from '@flashclaim/seed';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEarlierCollections, earlierCoupon } from '../support/earlier-layout.ts';
import { runCommand } from '../support/run-command.ts';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores.close());

const names = () => stores.mongo.coupons.distinct('name');

test('a name has one form, whoever writes it first', async () => {
  const { db, coupons } = stores.mongo;
  const composed = 'CAF\u00c9';
  const decomposed = 'CAFE\u0301';
  expect(await seedCoupons(db, [{ name: decomposed, amount: 5 }])).toMatchObject([{ name: composed, created: true }]);
  expect(await seedCoupons(db, [{ name: composed, amount: 9 }])).toMatchObject([{ amount: 5, created: false }]);
  await expect(coupons.insertOne(newCoupon({ name: decomposed, amount: 1 }, new Date()))).rejects.toMatchObject({
    code: 11000,
  });
  expect(await names()).toEqual([composed]);
});

test('a name that nobody could claim is refused, and nothing is created', async () => {
  const before = await names();
  const coupons = [
    { name: 'fine', amount: 1 },
    { name: ' \t', amount: 1 },
  ];
  await expect(seedCoupons(stores.mongo.db, coupons)).rejects.toThrow(
    /^" \\t" is not a valid coupon name: it must be 1 to/,
  );
  expect(await names()).toEqual(before);
});

test('a name that has no address is refused', async () => {
  await expect(seedCoupons(stores.mongo.db, [{ name: '..', amount: 1 }])).rejects.toThrow(
    /^".." is not a valid coupon name: .*, and neither "\." nor "\.\."\.$/,
  );
});

test('what comes with the project can be seeded, and seeded again', async () => {
  const first = await seedCoupons(stores.mongo.db);
  expect(first.every(({ created }) => created)).toBe(true);
  const again = await seedCoupons(stores.mongo.db);
  expect(again).toEqual(first.map((coupon) => ({ ...coupon, created: false })));
});

test('a coupon is created by the clock of MongoDB, in the present layout', async () => {
  const { db, coupons } = stores.mongo;
  const now = async (): Promise<Date> => (await db.command({ hello: 1 }))['localTime'];
  const before = await now();
  await seedCoupons(db, [{ name: 'new', amount: 5 }]);
  const created = await coupons.findOne({ name: 'new' });
  expect(created).toMatchObject({ issued: 0, version: 1, held_amount: 0, event_count: 0 });
  expect(created?.created_at.getTime()).toBeGreaterThanOrEqual(before.getTime());
  expect(created?.created_at.getTime()).toBeLessThanOrEqual((await now()).getTime());
});

test('with --migrate, as its container runs it, the data of an earlier version are migrated first', async () => {
  const earlier = await openStores();
  await createEarlierCollections(earlier.mongo.db);
  await earlier.mongo.db.collection('coupons').insertOne(earlierCoupon('PROMO_SUPER', 200));
  const { code, lines } = await runCommand('seed/seed.ts', earlier.env, ['--migrate']);
  expect(lines[0]).toBe('migrated: 0 claims numbered, 1 coupons completed');
  expect(lines).toContainEqual(expect.stringMatching(/^PROMO_SUPER +200 +200 {2}existed, unchanged$/));
  expect(code).toBe(0);
  await earlier.close();
});

test('seed_mongodb.sh seeds the same', async () => {
  const first = await seedCoupons(stores.mongo.db);
  await stores.mongo.coupons.deleteMany({ name: 'LAST_ONE' });
  const script = join(import.meta.dirname, '../../seed/seed_mongodb.sh');
  const { stdout } = await promisify(execFile)(script, { env: { ...process.env, ...stores.env }, cwd: '/' });
  expect(stdout).toMatch(/^Seeding \S+ in the MongoDB of MONGO_URI\n/);
  const lines = stdout.trim().split('\n').slice(-first.length);
  for (const [i, { name, amount }] of first.entries())
    expect(lines[i]).toMatch(
      new RegExp(`^${name} +${amount} +${amount}  ${name === 'LAST_ONE' ? 'created' : 'existed, unchanged'}$`),
    );
});
