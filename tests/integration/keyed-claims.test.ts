import { randomUUID } from 'node:crypto';
import { type Claim, newCoupon } from '@flashclaim/core';
import { connectMongo, type Mongo } from '@flashclaim/store';
import { CouponCache } from '@flashclaim/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectExact } from '../support/expect-exact.ts';
import { commitJob, jobOf } from '../support/job-of.ts';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
/** A second worker has a connection of its own. */
let second: Mongo;
beforeAll(async () => {
  stores = await openStores();
  second = await connectMongo(stores.env.MONGO_URI, stores.env.MONGO_DB, {});
});
afterAll(async () => {
  await second?.client.close();
  await stores.close();
});

const addCoupon = async (amount: number): Promise<string> => {
  const name = `coupon-${randomUUID()}`;
  await stores.mongo.coupons.insertOne(newCoupon({ name, amount }, new Date()));
  return name;
};

/** A claim of a request of its own, under a key. */
const keyed = (key: string, userId: string, couponName: string): Claim => ({
  id: key,
  userId,
  couponName,
  requestId: randomUUID(),
});

const commit = async (batch: readonly Claim[], mongo = stores.mongo, cache?: CouponCache) =>
  commitJob(mongo, await jobOf(mongo, batch), cache);

const decisionsOf = async (...commitArguments: Parameters<typeof commit>) =>
  (await commit(...commitArguments)).map(({ decision }) => decision);

/** A memory that has seen these coupons, and so assumes. */
const knowing = async (...names: string[]): Promise<CouponCache> => {
  const cache = new CouponCache();
  const batch = names.map((couponName): Claim => ({ id: randomUUID(), userId: randomUUID(), couponName }));
  await decisionsOf(batch, stores.mongo, cache);
  expect(cache.predict(batch)).toBeDefined();
  return cache;
};

describe('a claim under an idempotency key', () => {
  test('is first to its own request however often its job runs, and a replay to every other', async () => {
    const name = await addCoupon(5);
    const key = randomUUID();
    const job = await jobOf(stores.mongo, [keyed(key, 'user', name), keyed(key, 'user', name)]);
    const [first, repeated] = await commitJob(stores.mongo, job);
    expect([first?.decision, repeated?.decision]).toEqual(['claimed', 'replayed']);
    // The worker died after the commit: the same job runs again.
    expect(await commitJob(stores.mongo, job)).toEqual([first, { ...first, decision: 'replayed' }]);
    expect(await commit([keyed(key, 'user', name)])).toEqual([{ ...first, decision: 'replayed' }]);
    expect(await stores.mongo.claims.countDocuments({ coupon_name: name })).toBe(1);
    await expectExact(stores.mongo);
  });

  test('is first to its own request when its job runs on two workers at once', async () => {
    const name = await addCoupon(50);
    const batch = Array.from({ length: 20 }, (_, i) => keyed(randomUUID(), `user-${i}`, name));
    const job = await jobOf(stores.mongo, batch);
    const runs = await Promise.all([commitJob(stores.mongo, job), commitJob(second, job)]);
    for (const run of runs) expect(run.map(({ decision }) => decision)).toEqual(Array(20).fill('claimed'));
    await expectExact(stores.mongo);
  });

  test('stands against another user, another coupon, and one that is not there', async () => {
    const [name, other] = [await addCoupon(9), await addCoupon(9)];
    const key = randomUUID();
    expect(await decisionsOf([keyed(key, 'user', name)])).toEqual(['claimed']);
    const reuses = [keyed(key, 'user', other), keyed(key, 'another', name), keyed(key, 'user', 'no such coupon')];
    for (const reuse of reuses) expect(await decisionsOf([reuse])).toEqual(['idempotency_key_reused']);
    const batch = [...reuses, keyed(randomUUID(), 'user', other), keyed(key, 'user', name)];
    expect(await decisionsOf(batch)).toEqual([...Array(3).fill('idempotency_key_reused'), 'claimed', 'replayed']);
    await expectExact(stores.mongo);
  });

  test('is looked up by a lane that assumes, once the database has contradicted it', async () => {
    const [name, other] = [await addCoupon(9), await addCoupon(9)];
    const cache = await knowing(name, other);
    const key = randomUUID();
    await decisionsOf([keyed(key, 'user', name)], second);
    expect(await decisionsOf([keyed(key, 'user', other)], stores.mongo, cache)).toEqual(['idempotency_key_reused']);
    // The next would be contradicted as well.
    expect(cache.predict([keyed(key, 'user', other)])).toMatchObject({ contested: true });
    await expectExact(stores.mongo);
  });

  test('outlives its coupon, and is another claim to the next one of that name', async () => {
    const name = await addCoupon(5);
    const key = randomUUID();
    await commit([keyed(key, 'user', name)]);
    await stores.mongo.coupons.deleteOne({ name });
    expect(await decisionsOf([keyed(key, 'user', name)])).toEqual(['coupon_not_found']);
    await stores.mongo.coupons.insertOne(newCoupon({ name, amount: 1 }, new Date()));
    const batch = [keyed(key, 'user', name), keyed(randomUUID(), 'user', name)];
    expect(await decisionsOf(batch)).toEqual(['idempotency_key_reused', 'claimed']);
    // It stays out of the invariants of the other tests.
    await stores.mongo.claims.deleteOne({ _id: key });
  });
});

describe('two lanes at once on two workers', () => {
  test('with one key for two coupons make one claim', async () => {
    const [name, other] = [await addCoupon(200), await addCoupon(200)];
    const memories = [await knowing(name), await knowing(other)];
    for (let round = 0; round < 50; round++) {
      const key = randomUUID();
      const user = `user-${round}`;
      const runs = await Promise.all([
        decisionsOf([keyed(key, user, name)], stores.mongo, memories[0]),
        decisionsOf([keyed(key, user, other)], second, memories[1]),
      ]);
      expect(runs.flat().sort()).toEqual(['claimed', 'idempotency_key_reused']);
    }
    await expectExact(stores.mongo);
  });

  test('with a hundred keys in opposite order decide all of them, and grant each once', async () => {
    const [name, other] = [await addCoupon(2_000), await addCoupon(2_000)];
    for (let round = 0; round < 20; round++) {
      const keys = Array.from({ length: 100 }, () => randomUUID());
      const jobOf = (couponName: string, list: string[]) => list.map((key) => keyed(key, `user of ${key}`, couponName));
      const runs = await Promise.all([
        decisionsOf(jobOf(name, keys)),
        decisionsOf(jobOf(other, keys.toReversed()), second),
      ]);
      expect(runs.flat().filter((one) => one === 'claimed')).toHaveLength(100);
      expect(runs.flat().filter((one) => one === 'idempotency_key_reused')).toHaveLength(100);
    }
    await expectExact(stores.mongo);
  });
});
