import { randomUUID } from 'node:crypto';
import { type Claim, newCoupon } from '@flashclaim/core';
import { CouponCache } from '@flashclaim/worker';
import { MongoServerError } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectExact } from '../support/expect-exact.ts';
import { commitJob, jobOf } from '../support/job-of.ts';
import { openStores, type TestStores } from '../support/stores.ts';

let stores: TestStores;
beforeAll(async () => {
  stores = await openStores();
});
afterAll(() => stores.close());

const addCoupon = async (amount: number): Promise<string> => {
  const name = `coupon-${randomUUID()}`;
  await stores.mongo.coupons.insertOne(newCoupon({ name, amount }, new Date()));
  return name;
};

const claimsOf = (couponName: string, count: number, user = (i: number) => `user-${i}`): Claim[] =>
  Array.from({ length: count }, (_, i) => ({ id: randomUUID(), userId: user(i), couponName }));

const commit = async (batch: readonly Claim[], cache?: CouponCache) =>
  commitJob(stores.mongo, await jobOf(stores.mongo, batch), cache);

const decisionsOf = async (batch: readonly Claim[], cache?: CouponCache) =>
  (await commit(batch, cache)).map(({ decision }) => decision);

describe('commitJobs', () => {
  test('grants what is there, in order, and refuses the rest', async () => {
    const name = await addCoupon(2);
    const missing = claimsOf('no such coupon', 1);
    const batch = [...claimsOf(name, 3), ...missing];
    expect(await decisionsOf(batch)).toEqual(['claimed', 'claimed', 'out_of_stock', 'coupon_not_found']);
    await expectExact(stores.mongo);
  });

  test('one job holds claims of several coupons', async () => {
    const [first, second] = [await addCoupon(1), await addCoupon(5)];
    const batch = [...claimsOf(first, 2), ...claimsOf(second, 2)];
    expect(await decisionsOf(batch)).toEqual(['claimed', 'out_of_stock', 'claimed', 'claimed']);
    await expectExact(stores.mongo);
  });

  test('a job that runs twice has the same result, with the first time', async () => {
    const name = await addCoupon(2);
    const job = await jobOf(stores.mongo, claimsOf(name, 3));
    const first = await commitJob(stores.mongo, job);
    expect(first.map(({ decision }) => decision)).toEqual(['claimed', 'claimed', 'out_of_stock']);
    expect(await commitJob(stores.mongo, job)).toEqual(first);
    await expectExact(stores.mongo);
  });

  test('a user who claims again under another claim id has claimed already', async () => {
    const name = await addCoupon(5);
    expect(await decisionsOf(claimsOf(name, 1))).toEqual(['claimed']);
    expect(await decisionsOf(claimsOf(name, 1))).toEqual(['already_claimed']);
    await expectExact(stores.mongo);
  });

  test('the same job at the same time on four workers grants once', async () => {
    const name = await addCoupon(10);
    const job = await jobOf(stores.mongo, claimsOf(name, 20));
    const [first, ...others] = await Promise.all([1, 2, 3, 4].map(() => commitJob(stores.mongo, job)));
    for (const other of others) expect(other).toEqual(first);
    expect(first?.filter(({ decision }) => decision === 'claimed')).toHaveLength(10);
    await expectExact(stores.mongo);
  });

  test('different jobs of one coupon at the same time never oversell', async () => {
    const name = await addCoupon(7);
    const jobs = [1, 2, 3].map((job) => claimsOf(name, 5, (i) => `user-${job}-${i}`));
    const runs = await Promise.all(jobs.map((job) => decisionsOf(job)));
    expect(runs.flat().filter((one) => one === 'claimed')).toHaveLength(7);
    await expectExact(stores.mongo);
  });
});

describe('what a lane remembers', () => {
  /** A memory that has seen a coupon, and so assumes. */
  const knowing = async (name: string): Promise<CouponCache> => {
    const cache = new CouponCache();
    expect(
      await decisionsOf(
        claimsOf(name, 1, () => 'first'),
        cache,
      ),
    ).toEqual(['claimed']);
    expect(cache.predict(claimsOf(name, 1))).toBeDefined();
    return cache;
  };

  test('grants without a read, and counts what it took', async () => {
    const name = await addCoupon(4);
    const cache = await knowing(name);
    expect(await decisionsOf(claimsOf(name, 2), cache)).toEqual(['claimed', 'claimed']);
    expect(cache.predict(claimsOf(name, 1))).toBeDefined();
    // Two would be more than remain: it must look, not refuse by heart.
    expect(cache.predict(claimsOf(name, 2))).toBeUndefined();
    expect(
      await decisionsOf(
        claimsOf(name, 2, (i) => `late-${i}`),
        cache,
      ),
    ).toEqual(['claimed', 'out_of_stock']);
    await expectExact(stores.mongo);
  });

  test('is corrected by the database: a user who holds a unit, a claim that stands', async () => {
    const name = await addCoupon(9);
    const cache = await knowing(name);
    const [standing] = claimsOf(name, 1, () => 'elsewhere') as [Claim];
    await decisionsOf([standing]);
    const batch = [standing, ...claimsOf(name, 1, () => 'first'), ...claimsOf(name, 1, () => 'new')];
    expect(await decisionsOf(batch, cache)).toEqual(['replayed', 'already_claimed', 'claimed']);
    await expectExact(stores.mongo);
  });

  test('is corrected by the database: units that another worker took', async () => {
    const name = await addCoupon(5);
    const cache = await knowing(name);
    await decisionsOf(claimsOf(name, 3, (i) => `other-${i}`));
    expect(await decisionsOf(claimsOf(name, 3), cache)).toEqual(['claimed', 'out_of_stock', 'out_of_stock']);
    await expectExact(stores.mongo);
  });

  /** A cache that expects duplicate claims: it reads claims, and predicts coupons. */
  const contested = async (name: string): Promise<CouponCache> => {
    const cache = await knowing(name);
    await decisionsOf(
      claimsOf(name, 1, () => 'first'),
      cache,
    );
    expect(cache.predict(claimsOf(name, 1))).toMatchObject({ contested: true });
    return cache;
  };

  test('expects duplicate claims after one, until a read finds none', async () => {
    const name = await addCoupon(9);
    const cache = await contested(name);
    const users = ['first', 'second', 'second'];
    const batch = claimsOf(name, 3, (i) => users[i] as string);
    expect(await decisionsOf(batch, cache)).toEqual(['already_claimed', 'claimed', 'already_claimed']);
    await decisionsOf(
      claimsOf(name, 1, () => 'third'),
      cache,
    );
    expect(cache.predict(claimsOf(name, 1))).toMatchObject({ contested: false });
    await expectExact(stores.mongo);
  });

  test('expects duplicate claims, and is corrected by the database: units that another worker took', async () => {
    const name = await addCoupon(5);
    const cache = await contested(name);
    await decisionsOf(claimsOf(name, 3, (i) => `other-${i}`));
    const users = ['first', 'second', 'third'];
    const batch = claimsOf(name, 3, (i) => users[i] as string);
    expect(await decisionsOf(batch, cache)).toEqual(['already_claimed', 'claimed', 'out_of_stock']);
    await expectExact(stores.mongo);
  });

  test('does not outlive the coupon: one of the same name is another coupon', async () => {
    const name = await addCoupon(5);
    const cache = await knowing(name);
    await stores.mongo.coupons.deleteOne({ name });
    expect(await decisionsOf(claimsOf(name, 1), cache)).toEqual(['coupon_not_found']);
    await stores.mongo.coupons.insertOne(newCoupon({ name, amount: 1 }, new Date()));
    expect(
      await decisionsOf(
        claimsOf(name, 2, (i) => `later-${i}`),
        cache,
      ),
    ).toEqual(['claimed', 'out_of_stock']);
  });

  test('does not refuse a user who has a unit of a deleted coupon with the same name', async () => {
    const name = await addCoupon(5);
    const cache = await contested(name);
    await stores.mongo.coupons.deleteOne({ name });
    await stores.mongo.coupons.insertOne(newCoupon({ name, amount: 1 }, new Date()));
    expect(
      await decisionsOf(
        claimsOf(name, 1, () => 'first'),
        cache,
      ),
    ).toEqual(['claimed']);
  });
});

describe('MongoDB refuses by itself', () => {
  const failsValidation = (write: Promise<unknown>) =>
    expect(write).rejects.toSatisfy((error) => error instanceof MongoServerError && error.code === 121);

  test('to sell below nothing, whoever writes', async () => {
    const name = await addCoupon(1);
    await failsValidation(stores.mongo.coupons.updateOne({ name }, { $inc: { remaining_amount: -2 } }));
    await failsValidation(stores.mongo.coupons.updateOne({ name }, { $inc: { remaining_amount: 1 } }));
  });

  test('a claim without its parts', async () => {
    const half = { _id: randomUUID(), user_id: 'user' } as never;
    await failsValidation(stores.mongo.claims.insertOne(half));
  });

  test('to give a user two, or a claim id twice', async () => {
    const name = await addCoupon(5);
    const [claim] = claimsOf(name, 1) as [Claim];
    await commit([claim]);
    const stored = await stores.mongo.claims.findOne({ _id: claim.id });
    if (!stored) throw new Error('the claim is not there');
    const duplicate = (change: object) => stores.mongo.claims.insertOne({ ...stored, ...change });
    await expect(duplicate({ _id: randomUUID() })).rejects.toMatchObject({ code: 11000 });
    await expect(duplicate({ user_id: 'another' })).rejects.toMatchObject({ code: 11000 });
  });
});
