import type { ClaimFields, CouponFields } from '@flashclaim/core';
import { seedCoupons } from '@flashclaim/seed';
import { connectMongo, findSchemaFaults, hasEarlierLayout, INDEXES, migrate } from '@flashclaim/store';
import { ObjectId, type WithId } from 'mongodb';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import {
  createEarlierCollections,
  type EarlierClaim,
  earlierClaims,
  earlierCoupon,
  usersOf,
} from '../support/earlier-layout.ts';
import { runAudit } from '../support/run-audit.ts';
import { runCommand } from '../support/run-command.ts';
import { openStores, type TestStores } from '../support/stores.ts';
import { until } from '../support/until.ts';

const MIGRATE = 'packages/maintenance/src/migrate.ts';
const API = 'apps/api/src/server.ts';
const WORKER = 'apps/worker/src/worker.ts';
const SEED = 'seed/seed.ts';
const REFUSAL = / has the layout of an earlier version: stop every API and worker .*, then run npm run migrate\.$/;

let stores: TestStores;
beforeEach(async () => {
  stores = await openStores();
  await createEarlierCollections(stores.mongo.db);
});
afterEach(() => stores.close());

/** Two coupons with claims, of which some were made in turn; one without; and claims of a coupon that is gone. */
const addSales = async () => {
  const { db } = stores.mongo;
  const hot = earlierCoupon('hot', 5_000, 2_500);
  const cold = earlierCoupon('cold', 10, 3);
  const gone = earlierCoupon('gone', 10);
  await db.collection<object>('coupons').insertMany([hot, cold, earlierCoupon('unsold', 7)]);
  const [first, ...rest] = earlierClaims(hot, usersOf('hot', 2_500));
  const [cold1, cold2, cold3] = earlierClaims(cold, usersOf('cold', 3));
  const [gone1, gone2] = earlierClaims(gone, usersOf('gone', 2));
  const claims = [gone1, cold1, first, gone2, cold2, ...rest, cold3] as { _id: string; coupon_id: unknown }[];
  await db.collection<{ _id: string }>('claims').insertMany(claims);
  return claims;
};

const sequences = () =>
  stores.mongo.claims.find({}, { projection: { coupon_id: 1, sequence: 1, ordinal: 1 } }).toArray();
const coupons = () => stores.mongo.coupons.find().sort({ name: 1 }).toArray();
const indexKeys = async () =>
  (await stores.mongo.claims.indexes())
    .map(({ name }) => name as string)
    .filter((name) => name !== '_id_')
    .toSorted();

describe('the earlier layout', () => {
  test.each([
    ['the API', API],
    ['a worker', WORKER],
    ['the seed', SEED],
  ])('is refused by %s, which names the command', async (_, script) => {
    const { code, text } = await runCommand(script, { ...stores.env, PORT: '0', WORKER_PORT: '0' });
    expect(text).toMatch(REFUSAL);
    expect(code).toBe(1);
    expect(await stores.mongo.coupons.countDocuments()).toBe(0);
  });

  test('is refused by the audit, which names the command', async () => {
    expect(await runAudit(stores.env)).toMatchObject({ code: 2, text: expect.stringMatching(REFUSAL) });
  });

  test('is found by its index alone, by a claim alone, and by one coupon among others', async () => {
    const { db } = stores.mongo;
    expect(await hasEarlierLayout(db)).toBe(true);
    await db.dropDatabase();
    expect(await hasEarlierLayout(db)).toBe(false);
    await db.collection<{ _id: string }>('claims').insertMany(earlierClaims(earlierCoupon('gone', 1), ['a']));
    expect(await hasEarlierLayout(db)).toBe(true);
    await db.dropDatabase();
    await seedCoupons(db);
    expect(await hasEarlierLayout(db)).toBe(false);
    await db.collection('coupons').insertOne(earlierCoupon('imported by hand', 5));
    expect(await hasEarlierLayout(db)).toBe(true);
  });
});

describe('npm run migrate', () => {
  test('numbers the claims of each coupon in the order of their insertion, and completes the coupons', async () => {
    const inserted = await addSales();
    const before = await coupons();
    const listed = await stores.mongo.claims
      .find({ coupon_id: before[1]?._id as ObjectId }, { hint: { coupon_id: 1 } })
      .toArray();
    const { code, lines } = await runCommand(MIGRATE, stores.env);
    expect(code).toBe(0);
    expect(lines.slice(2, -1)).toEqual([
      'what               number',
      'claims numbered     2,505',
      'coupons completed       3',
      'indexes built           3',
      'indexes dropped         2',
      '',
    ]);

    const numbers = new Map((await sequences()).map((claim) => [claim._id as string, claim]));
    const byCoupon = Map.groupBy(inserted, ({ coupon_id }) => String(coupon_id));
    expect([...byCoupon.values()].map((claims) => claims.length)).toEqual([2, 3, 2_500]);
    for (const claims of byCoupon.values())
      expect(claims.map(({ _id }) => numbers.get(_id)?.sequence)).toEqual(claims.map((_, index) => index + 1));
    expect(listed.map(({ _id }) => numbers.get(_id)?.sequence)).toEqual(listed.map((_, index) => index + 1));
    expect([...numbers.values()].every(({ ordinal }) => ordinal === 1)).toBe(true);

    const added = { version: 1, held_amount: 0, event_count: 0 };
    expect(await coupons()).toEqual([
      { ...before[0], ...added, issued: 3 },
      { ...before[1], ...added, issued: 2_500 },
      { ...before[2], ...added, issued: 0 },
    ]);
    expect(await indexKeys()).toHaveLength(INDEXES.claims.length);
    expect(await findSchemaFaults(stores.mongo.db)).toEqual([]);
    expect(await hasEarlierLayout(stores.mongo.db)).toBe(false);
  });

  test('makes the ids of claims texts where they are ObjectIds, and keeps their order', async () => {
    const { db } = stores.mongo;
    const coupon = earlierCoupon('of another program', 2_000, 1_200);
    await db.collection<object>('coupons').insertOne(coupon);
    const claims = earlierClaims(coupon, usersOf('other', 1_200)).map((claim) => ({ ...claim, _id: new ObjectId() }));
    await db.collection('claims').insertMany(claims, { bypassDocumentValidation: true });
    const { code } = await runCommand(MIGRATE, stores.env);
    expect(code).toBe(0);
    const found = await stores.mongo.claims.find().sort({ sequence: 1 }).toArray();
    expect(found.map(({ _id, user_id }) => [_id, user_id])).toEqual(
      claims.map(({ _id, user_id }) => [_id.toHexString(), user_id]),
    );
    expect((await runAudit(stores.env)).code).toBe(0);
  });

  test('changes nothing a second time', async () => {
    await addSales();
    await migrate(stores.mongo);
    const before = [await sequences(), await coupons(), await indexKeys()];
    const { code, lines } = await runCommand(MIGRATE, stores.env);
    expect(code).toBe(0);
    expect(lines.filter((line) => /\d$/.test(line)).map((line) => Number(line.split(/ +/).at(-1)))).toEqual([
      0, 0, 0, 0,
    ]);
    expect([await sequences(), await coupons(), await indexKeys()]).toEqual(before);
  });

  test('migrates coupons and claims without indexes and validators, as an import by hand leaves them', async () => {
    const { db } = stores.mongo;
    await db.dropDatabase();
    const { created_at: _, updated_at: __, ...coupon } = earlierCoupon('imported', 5, 2);
    await db.collection('coupons').insertOne(coupon);
    const [lost, ...imported] = earlierClaims(coupon, ['lost', 'b', 'a']);
    const { coupon_id: ___, ...ofNoCoupon } = lost as EarlierClaim;
    await db.collection<{ _id: string }>('claims').insertMany([ofNoCoupon, ...imported]);
    await db.collection('claims').createIndex({ user_id: 1, coupon_name: 1 }, { unique: true });
    expect(await migrate(stores.mongo)).toMatchObject({ claims: 3, coupons: 1, indexesDropped: 2 });
    const found = await stores.mongo.claims.find({ coupon_id: coupon._id }).sort({ sequence: 1 }).toArray();
    expect(found.map((claim) => claim.user_id)).toEqual(['b', 'a']);
    expect(await coupons()).toMatchObject([{ issued: 2, updated_at: expect.any(Date) }]);
    expect(await findSchemaFaults(db)).toEqual([]);
  });

  test('continues after the largest number where some claims have one', async () => {
    const claims = await addSales();
    await migrate(stores.mongo);
    const { db } = stores.mongo;
    const cold = (await coupons())[0] as WithId<CouponFields>;
    // As a worker of the earlier version leaves it.
    await db.command({ collMod: 'claims', validator: {} });
    await db.collection('claims').createIndex({ user_id: 1, coupon_id: 1 }, { unique: true });
    await db.collection<{ _id: string }>('claims').insertMany(earlierClaims(cold, ['late']));
    expect(await migrate(stores.mongo)).toMatchObject({ claims: 1, coupons: 1 });
    expect(await stores.mongo.claims.findOne({ user_id: 'late' })).toMatchObject({ sequence: 4, ordinal: 1 });
    expect((await coupons())[0]).toMatchObject({ issued: 4, version: 1 });
    expect(await sequences()).toHaveLength(claims.length + 1);
  });

  test('gives no number twice where the new primary has two claims in the other order', async () => {
    await addSales();
    await migrate(stores.mongo);
    const { db, claims } = stores.mongo;
    await db.command({ collMod: 'claims', validator: {} });
    await claims.createIndex({ user_id: 1, coupon_id: 1 }, { unique: true });
    const hot = { coupon_name: 'hot' };
    await claims.updateOne({ ...hot, sequence: 1_000 }, { $unset: { sequence: 1, ordinal: 1 } });
    await claims.updateOne({ ...hot, sequence: 1_001 }, { $set: { sequence: 1_000 } });
    expect(await migrate(stores.mongo)).toMatchObject({ claims: 1 });
    expect(await claims.distinct('sequence', hot)).toHaveLength(2_500);
    expect(await stores.mongo.coupons.findOne({ name: 'hot' })).toMatchObject({ issued: 2_501 });
  });

  test('keeps the numbers that another migration has given meanwhile, in another order', async () => {
    const { db, claims } = stores.mongo;
    const coupon = earlierCoupon('twice', 20, 2);
    await db.collection<object>('coupons').insertOne(coupon);
    await db.collection<{ _id: string }>('claims').insertMany(earlierClaims(coupon, ['a', 'b']));
    const other = await connectMongo(inject('mongoUri'), db.databaseName, {});
    const write = claims.bulkWrite.bind(claims);
    claims.bulkWrite = async (...writes) => {
      claims.bulkWrite = write;
      // As on a new primary that has the insertion of `a` after that of `b`.
      const a = await claims.findOneAndDelete({ user_id: 'a' });
      await claims.insertOne(a as ClaimFields<ObjectId>, { bypassDocumentValidation: true });
      await migrate(other);
      return write(...writes);
    };
    await migrate(stores.mongo).finally(() => other.client.close());
    const found = await claims.find().sort({ sequence: 1 }).toArray();
    expect(found.map(({ user_id, sequence }) => [user_id, sequence])).toEqual([
      ['b', 1],
      ['a', 2],
    ]);
  });

  test('refuses while a worker of the earlier version runs, and keeps its index', async () => {
    await addSales();
    const { db, claims } = stores.mongo;
    const [{ options }] = (await db.listCollections({ name: 'claims' }).toArray()) as unknown as [{ options: object }];
    // As such a worker does it when it finds another validator.
    const isGuarded = async () =>
      JSON.stringify(await db.listCollections({ name: 'claims' }).toArray()).includes('$comment');
    const migration = migrate(stores.mongo).catch((error: Error) => error);
    await until(isGuarded);
    await db.command({ collMod: 'claims', ...options });
    expect(await migration).toMatchObject({ name: 'StartError', message: expect.stringContaining('still runs') });
    expect((await claims.indexes()).map(({ name }) => name)).toContain('user_id_1_coupon_id_1');
    expect(await hasEarlierLayout(db)).toBe(true);
  });

  test('a wrong option or setting is named, with exit code 2', async () => {
    expect(await runCommand(MIGRATE, stores.env, ['--fast'])).toMatchObject({
      code: 2,
      text: expect.stringContaining("'--fast'"),
    });
    const { code, text } = await runCommand(MIGRATE, { ...stores.env, MONGO_URI: 'localhost' });
    expect(text).toMatch(/^migrate: The setting MONGO_URI is \(not shown\), but it must .*\.$/);
    expect(code).toBe(2);
  });
});
